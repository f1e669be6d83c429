//! The domain: what a sandbox is, what may happen to it, and what must be done next.
//!
//! Rules without input or output: no serde, no async, no clock of its own.
//!
//! * [`id`] typed identifiers
//!
//! Start reading at `lifecycle`, then `plan`.

pub mod id;
