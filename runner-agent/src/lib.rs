//! The agent on a machine: it holds sandboxes (role runner), answers clients (role edge), or both.
//!
//! * [`agent`] one agent from registration to its end; [`config`] its environment
//! * [`control_api`] the agents API of the control plane; [`register`], [`heartbeat`]
//! * [`limits`] of this process; [`blocking`] work that waits for the disk; [`durable`] files that survive a crash
//! * [`jobs`] the runner's queue
//! * [`edge`] the way in for clients and other edges; [`edge::client_door`] first
//! * [`runner`] the holder of sandboxes, put together; [`capacity`] how much it can hold
//! * [`sandboxes`] one owner task per sandbox; [`sandboxes::registry`] is the way in
//! * [`engine`] the container engine: Docker, or a behaving fake
//! * [`network`] bridge, addresses, firewall, resolver, pause containers in stock
//! * [`snapshots`] captures of sandboxes' files, and sandboxes begun with them
//! * [`readiness`] where a sandbox's daemon says that it is ready; [`daemon_binary`] the daemon it runs
//! * [`journal`] what outlives the agent
//!
//! What stays on a machine, for who cleans up (`<short>` is the first 8 digits of the runner id): containers,
//! network and volumes labelled `dev.paddock.deployment` and `dev.paddock.runner`; containers `paddock-<id>`,
//! `paddock-<id>-net`, `paddock-<id>-lost-<epoch>`; network `paddock-<short>` with interface `pdk-<short>`;
//! nftables tables `inet paddock_<short>` and `bridge paddock_<short>`; image `paddock-pause:<digest>`; the state
//! directory.
//!
//! Start reading at [`sandboxes`].

pub mod agent;
pub mod blocking;
pub mod capacity;
pub mod config;
pub mod control_api;
pub mod daemon_binary;
pub mod durable;
pub mod edge;
pub mod engine;
pub mod heartbeat;
pub mod jobs;
pub mod journal;
pub mod limits;
pub mod network;
pub mod readiness;
pub mod register;
pub mod runner;
pub mod sandboxes;
pub mod snapshots;
