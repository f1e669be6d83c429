//! The public operations, one file each: extract, check, call one action, answer.
//!
//! * [`sandbox`] `/sandbox`
//! * [`snapshot`] `/snapshots`
//! * [`api_key`] `/api-keys`
//! * [`organization`] `/organizations`
//! * [`region`] `/regions`, `/shared-regions`
//! * [`runner`] `/runners`
//! * [`public`] what needs no key: `/config`, `/health`
//! * [`unknown`] everything else
//!
//! Success is 200 unless the wire says otherwise: the SDKs drop the body of any other 2xx.

pub mod api_key;
pub mod organization;
pub mod public;
pub mod region;
pub mod runner;
pub mod sandbox;
pub mod snapshot;
pub mod unknown;
