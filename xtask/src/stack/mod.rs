//! The stack on this machine.
//!
//! ```text
//! supervisor ─┬─ dockerd          only when no engine answered
//!             ├─ paddock-localstack   AWS endpoint, bridge, function processes
//!             └─ paddock-runner × N   edge and runner
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`supervisor`] | brings everything up in order, waits, takes it down in reverse; start here |
//! | [`service`] | one supervised process: start, restart, stop |
//! | [`layout`] | which processes there are, with their arguments and environment |
//! | [`options`], [`ports`], [`secrets`], [`env_file`] | what the user chooses, what is generated, what is written for him |
//! | [`control`] | first calls to the control plane: bootstrap, readiness |
//! | [`lock`], [`leftovers`] | one stack per state folder; what a killed one left |
//! | [`sandboxes`] | containers, networks, firewall tables, mounts of a deployment |

mod control;
mod env_file;
mod layout;
mod leftovers;
mod lock;
mod options;
mod ports;
mod sandboxes;
mod secrets;
mod service;
mod supervisor;

pub use leftovers::{end as end_leftovers, find as find_leftovers, forget as disown};
pub use lock::holder;
pub use options::StackOptions;
pub use ports::free_block as free_port_block;
pub use sandboxes::{remains, stop_sandboxes, wipe};
pub use secrets::Secrets;
pub use supervisor::{describe, supervise};
