//! The daemon's HTTP API: bodies as the official SDKs send and parse them.
//!
//! * [`error`] the error body and its machine codes
//! * [`info`] version, directories, environment, metrics
//! * [`process`] execute and code-run
//! * [`interpreter`] contexts that keep their state, and what is said during an execution
//! * [`chart`] what code-run found in matplotlib figures
//! * [`files`] the file routes
//! * [`git`] the git routes
//! * [`lsp`] language servers
//! * [`ports`] who listens
//! * [`pty`] terminals
//! * [`session`] long-lived shells and their commands
//!
//! Keys are camelCase except in charts (snake_case). The generated clients check types strictly:
//! a required key may never be missing, and a string may never become a number.

pub mod chart;
pub mod error;
pub mod files;
pub mod git;
pub mod info;
pub mod interpreter;
pub mod lsp;
pub mod ports;
pub mod process;
pub mod pty;
pub mod session;
