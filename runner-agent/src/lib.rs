//! The agent on a machine: it holds sandboxes (role runner), answers clients (role edge), or both.
//!
//! * [`config`] the environment, read once
//! * [`control_api`] the agents API of the control plane, with the agent's token
//! * [`edge`] the way in for clients and other edges; [`edge::client_door`] first
//! * [`engine`] the container engine: Docker, or a behaving fake
//! * [`network`] bridge, addresses, firewall, resolver, pause containers in stock
//! * [`readiness`] where a sandbox's daemon says that it is ready
//! * [`sandboxes`] one owner task per sandbox; [`sandboxes::registry`] is the way in
//!
//! Start reading at [`sandboxes::registry`].

pub mod config;
pub mod control_api;
pub mod edge;
pub mod engine;
pub mod network;
pub mod readiness;
pub mod sandboxes;
