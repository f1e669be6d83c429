//! Sandboxes: the head (at most 1 KB, hot), the specification beside it, and the one write that changes a head.
//!
//! * `head_item`, `spec_item` the items
//! * `read` by id, many at once, by organization, pool, runner, and what is due
//! * `files` what a change does to captures: naming, unnaming, beginning, completing
//! * `write` create and change, with all that hangs on it: quota, name, pool place, revocation

mod files;
mod head_item;
mod read;
mod spec_item;
mod write;

pub use head_item::from_stream;
use paddock_model::{id::OpId, sandbox::Sandbox};
pub use read::{Due, DueItem, Heads};
pub use write::{Beside, Short, Written};

/// A head as it is stored. The `op` of its last write is its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The head.
    pub sandbox: Sandbox,
    /// Its last write.
    pub op: OpId,
    /// The wish with which its specification was last written. A read that finds another one beside it has met a write
    /// half way.
    pub spec_generation: u64,
}
