//! The 22 states and the six wishes of the wire, and the sets that other code asks for by name.

use std::{fmt, str::FromStr};

/// What a sandbox is: the wire's `SandboxState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Creating,
    Restoring,
    Destroyed,
    Destroying,
    Started,
    Stopped,
    Starting,
    Stopping,
    Error,
    BuildFailed,
    PendingBuild,
    BuildingSnapshot,
    Unknown,
    PullingSnapshot,
    Archived,
    Archiving,
    Resizing,
    Snapshotting,
    Forking,
    Pausing,
    Paused,
    Resuming,
}

/// What a user wants a sandbox to be: the wire's `SandboxDesiredState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Desired {
    Destroyed,
    Started,
    Stopped,
    Resized,
    Archived,
    Paused,
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a sandbox state")]
pub struct UnknownState(pub String);

impl State {
    /// All states, in the order of the wire.
    pub const ALL: [State; 22] = [
        State::Creating,
        State::Restoring,
        State::Destroyed,
        State::Destroying,
        State::Started,
        State::Stopped,
        State::Starting,
        State::Stopping,
        State::Error,
        State::BuildFailed,
        State::PendingBuild,
        State::BuildingSnapshot,
        State::Unknown,
        State::PullingSnapshot,
        State::Archived,
        State::Archiving,
        State::Resizing,
        State::Snapshotting,
        State::Forking,
        State::Pausing,
        State::Paused,
        State::Resuming,
    ];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Creating => "creating",
            State::Restoring => "restoring",
            State::Destroyed => "destroyed",
            State::Destroying => "destroying",
            State::Started => "started",
            State::Stopped => "stopped",
            State::Starting => "starting",
            State::Stopping => "stopping",
            State::Error => "error",
            State::BuildFailed => "build_failed",
            State::PendingBuild => "pending_build",
            State::BuildingSnapshot => "building_snapshot",
            State::Unknown => "unknown",
            State::PullingSnapshot => "pulling_snapshot",
            State::Archived => "archived",
            State::Archiving => "archiving",
            State::Resizing => "resizing",
            State::Snapshotting => "snapshotting",
            State::Forking => "forking",
            State::Pausing => "pausing",
            State::Paused => "paused",
            State::Resuming => "resuming",
        }
    }

    /// Nothing is under way: the state stays until somebody wishes or something breaks.
    pub fn is_settled(self) -> bool {
        match self {
            State::Destroyed
            | State::Started
            | State::Stopped
            | State::Error
            | State::BuildFailed
            | State::Archived
            | State::Paused => true,
            State::Creating
            | State::Restoring
            | State::Destroying
            | State::Starting
            | State::Stopping
            | State::PendingBuild
            | State::BuildingSnapshot
            | State::Unknown
            | State::PullingSnapshot
            | State::Archiving
            | State::Resizing
            | State::Snapshotting
            | State::Forking
            | State::Pausing
            | State::Resuming => false,
        }
    }

    /// It failed, and only recovery or deletion leads out.
    pub fn is_failed(self) -> bool {
        matches!(self, State::Error | State::BuildFailed)
    }

    /// The state in which this wish counts as fulfilled.
    pub fn fulfils(self, desired: Desired) -> bool {
        match desired {
            Desired::Started | Desired::Resized => self == State::Started,
            Desired::Stopped => self == State::Stopped,
            Desired::Archived => self == State::Archived,
            Desired::Paused => self == State::Paused,
            Desired::Destroyed => self == State::Destroyed,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        State::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

impl Desired {
    /// All wishes.
    pub const ALL: [Desired; 6] =
        [Desired::Destroyed, Desired::Started, Desired::Stopped, Desired::Resized, Desired::Archived, Desired::Paused];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Desired::Destroyed => "destroyed",
            Desired::Started => "started",
            Desired::Stopped => "stopped",
            Desired::Resized => "resized",
            Desired::Archived => "archived",
            Desired::Paused => "paused",
        }
    }
}

impl fmt::Display for Desired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Desired {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Desired::ALL.into_iter().find(|desired| desired.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}
