//! What crosses processes: JSON bodies and messages, serde only, no rules.
//!
//! * [`work`] control plane → runner: the queue message
//! * [`agents`] runner and edge ↔ the `agents` function: registration, heartbeat, inventory, reports, grants
//! * [`api`] the public REST API, as the official SDKs call it
//! * [`toolbox`] the daemon's HTTP API, as the official SDKs call it
//!
//! Peers may be older than this code: add optional fields, never rename or reuse one.

pub mod agents;
pub mod api;
pub mod toolbox;
pub mod work;
