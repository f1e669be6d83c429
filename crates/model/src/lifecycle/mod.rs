//! What may happen in which state: the one place that knows.
//!
//! [`next`] takes a state and an event to the next state or a typed refusal. It matches every pair by name, so that
//! a new state or event does not compile until somebody has decided about it. `lifecycle.txt` is the whole matrix,
//! printed by a test and read in review.
//!
//! States are the wire's 22 (`SandboxState`); what users see is what is stored.

mod next;
mod state;

pub use next::next;
pub use state::{Desired, State};

/// Something that happens to a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A user wants it running.
    Start,
    /// A user wants it stopped.
    Stop,
    /// A user wants it frozen.
    Pause,
    /// A user, or the timer, wants its files in S3 and its runner free.
    Archive,
    /// A user wants other limits.
    Resize,
    /// A user wants a snapshot of it.
    Snapshot,
    /// A user wants a copy of it; this is the source.
    Fork,
    /// A user wants it back from a recoverable error.
    Recover,
    /// A user, or a timer, wants it gone.
    Delete,
    /// A user takes it out of a warm pool.
    Claim,
    /// The owner is fetching the image.
    SawPulling,
    /// The owner is building the image.
    SawBuilding,
    /// The owner is making or starting the container.
    SawCreating,
    /// The owner sees it running and its daemon answering.
    SawStarted,
    /// The owner sees it stopped.
    SawStopped,
    /// The owner stopped it because it was idle: the wish follows.
    SawIdleStopped,
    /// The owner sees it frozen.
    SawPaused,
    /// The owner froze it because it was idle: the wish follows.
    SawIdlePaused,
    /// The owner named a complete archive and let the container go.
    SawArchived,
    /// The owner holds nothing of it any more.
    SawDestroyed,
    /// The build ended without an image.
    SawBuildFailed,
    /// The owner tried and gave up.
    SawFailed,
    /// The runner it was given to has no room; nothing was made.
    SawRefused,
    /// Nobody answered in time.
    GaveUp,
    /// Its runner is gone for good, by word of EC2 or of an operator.
    RunnerDied,
}

impl Event {
    /// All events, in the order of the matrix.
    pub const ALL: [Event; 25] = [
        Event::Start,
        Event::Stop,
        Event::Pause,
        Event::Archive,
        Event::Resize,
        Event::Snapshot,
        Event::Fork,
        Event::Recover,
        Event::Delete,
        Event::Claim,
        Event::SawPulling,
        Event::SawBuilding,
        Event::SawCreating,
        Event::SawStarted,
        Event::SawStopped,
        Event::SawIdleStopped,
        Event::SawPaused,
        Event::SawIdlePaused,
        Event::SawArchived,
        Event::SawDestroyed,
        Event::SawBuildFailed,
        Event::SawFailed,
        Event::SawRefused,
        Event::GaveUp,
        Event::RunnerDied,
    ];
}

/// Why an event may not happen in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The state does not allow it, and waiting will not help (HTTP 400).
    #[error("not possible in this state")]
    NotInState,
    /// Another change is under way; later it may be possible (HTTP 409).
    #[error("another state change is in progress")]
    Busy,
    /// It is in an error state, which must be recovered or deleted (HTTP 400).
    #[error("the sandbox is in an error state")]
    Errored,
    /// There is no such sandbox any more (HTTP 404).
    #[error("the sandbox is destroyed")]
    Gone,
}

#[cfg(test)]
mod tests;
