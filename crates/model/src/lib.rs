//! The domain: what a sandbox is, what may happen to it, and what must be done next.
//!
//! Rules without input or output: no serde, no async, no clock of its own.
//!
//! * [`id`] typed identifiers
//! * [`time`] the instant that everything here is told
//! * [`lifecycle`] state × event → next state or typed refusal; the matrix is printed to `lifecycle.txt`
//! * [`sandbox`] the head of a sandbox: what is desired, what was observed, the counters of truth
//! * [`change`] what a wish, a report, a placement or a timer makes of a head
//! * [`report`] which report of an owner applies
//! * [`plan`] what must be done next for a sandbox, the same for the request and the sweep
//! * [`quota`] what a sandbox is charged in each state
//! * [`placement`] which runner takes it
//! * [`runner`] the agents that hold sandboxes or answer clients
//! * [`snapshot`] what sandboxes start from, and the warm pools of it
//! * [`entropy`] choices without a reason, which a simulation can replay
//! * [`access`] organizations, users, API keys, permissions, and who did something
//!
//! Start reading at [`lifecycle`], then [`plan`].

pub mod access;
pub mod change;
pub mod entropy;
pub mod id;
pub mod lifecycle;
pub mod placement;
pub mod plan;
pub mod quota;
pub mod report;
pub mod runner;
pub mod sandbox;
pub mod snapshot;
pub mod time;
