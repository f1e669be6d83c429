//! Sandboxes that this runner holds: one owner task each. Nothing else changes a container.
//!
//! ```text
//!   work (queue, inventory, verdict, edge) ─┐                     ┌─► watch: Applied (doors wait on it)
//!   deaths, checks, decisions ──────────────┼─► mailbox ─► owner ─┤
//!                                           ┘     │  ▲            └─► outbox ─► control plane
//!                                            mind ▼  │ actions (engine, network, files, daemon)
//!
//!              Create                 AwaitReady            ApplyEnv
//!   Nothing ────────────► Running(no env) ────► Running(env) ────► Running(env of the target) ─► Settle(Started)
//!     ▲  ▲                  ▲      ▲                │  died, silent, network lost
//!     │  │            Start │      └── Recover ◄────┤  (3 in 10 minutes, then Failed)
//!     │  │ Destroy,         │                       │ Stop (wish, idle, given up)
//!     │  └──────────────── Stopped ◄────────────────┘
//!     └── SetAside (a newer placement: files stay under another name)
//! ```
//!
//! * [`registry`] the way in, and what is published; [`idle`] clocks
//! * [`owner`] the task; [`mind`] what it knows and decides, in the words of [`state`]; [`restarts`]
//! * [`actions`] what it can do, on the shared [`host`]
//! * [`environment`] unsealed; [`files`] seen inside; [`daemon`] calls
//! * [`holdings`] room; [`outbox`] reports
//! * [`disk`] who takes more of it than he may, and how much is left
//! * [`health`] deaths and checks; [`inventory`] what the control plane says of all that is here
//!
//! Start reading at [`mind`].

pub mod actions;
pub mod daemon;
pub mod disk;
pub mod environment;
pub mod files;
pub mod health;
pub mod holdings;
pub mod host;
pub mod idle;
pub mod inventory;
pub mod mind;
pub mod outbox;
pub mod owner;
pub mod registry;
pub mod restarts;
pub mod state;
