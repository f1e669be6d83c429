//! The public REST API: bodies as the official SDKs send and parse them.
//!
//! Keys are camelCase. Required keys are always present with the exact type, because the SDKs' models are strict:
//! integers never as `2.0`, maps never null. What we do not produce yet is absent, never null in disguise.
//!
//! * [`timestamp`] instants as text, strict out and lenient in
//! * [`sandbox`] one sandbox, full; its enumerations
//! * [`sandbox_list`] the three shapes of a list of sandboxes
//! * [`create_sandbox`] what `POST /sandbox` takes
//! * [`snapshot`], [`api_key`], [`organization`], [`region`], [`runner`] the other resources
//! * [`config`] what clients ask before anything else
//! * [`error`] every refusal

pub mod api_key;
pub mod config;
pub mod create_sandbox;
pub mod error;
pub mod organization;
pub mod region;
pub mod runner;
pub mod sandbox;
pub mod sandbox_list;
pub mod snapshot;
pub mod timestamp;
