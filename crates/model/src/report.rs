//! Which report of an owner applies: the counters decide, never the clock.

use crate::{id::RunnerId, lifecycle::State, sandbox::Sandbox};

/// Where a report comes from and when, in the sandbox's own counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Who reports.
    pub runner: RunnerId,
    /// The placement it serves.
    pub epoch: u64,
    /// The wish it answers.
    pub generation: u64,
    /// Its own counter.
    pub seq: u64,
}

/// What the counters say of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Newer than all that was accepted, from the owner.
    Applies,
    /// Exactly the last accepted one, seen again.
    Repeated,
    /// Older, or of another owner or placement.
    Stale,
}

/// A report applies only if runner and epoch equal the item's and (generation, seq) is greater (design §3).
pub fn standing(sandbox: &Sandbox, stamp: Stamp) -> Standing {
    let Stamp { runner, epoch, generation, seq } = stamp;
    if sandbox.state == State::Destroyed || sandbox.runner != Some(runner) || sandbox.epoch != epoch {
        return Standing::Stale;
    }
    if generation > sandbox.generation {
        return Standing::Stale;
    }
    match (generation, seq).cmp(&(sandbox.seen_generation, sandbox.seen_seq)) {
        std::cmp::Ordering::Greater => Standing::Applies,
        std::cmp::Ordering::Equal => Standing::Repeated,
        std::cmp::Ordering::Less => Standing::Stale,
    }
}
