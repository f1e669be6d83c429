//! What owners report, and what the sweep concludes. One function per event, each naming all 22 states.
//!
//! `Ok(state)` leaves the state as it is: the report is true but changes nothing.

use crate::lifecycle::{Refusal, State};

pub(super) fn saw_pulling(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating | State::Unknown => Ok(State::PullingSnapshot),
        State::Restoring => Ok(State::Restoring),
        State::Destroyed => Err(Refusal::Gone),
        State::Destroying
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::PullingSnapshot
        | State::Archived
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(state),
    }
}

pub(super) fn saw_building(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating | State::PendingBuild | State::Unknown => Ok(State::BuildingSnapshot),
        State::Restoring
        | State::Destroying
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::BuildingSnapshot
        | State::PullingSnapshot
        | State::Archived
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
    }
}

/// Starting, restoring and resuming keep their own names while the container is made.
pub(super) fn saw_creating(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Destroying
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::Archived
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
        State::PendingBuild | State::BuildingSnapshot | State::Unknown | State::PullingSnapshot => Ok(State::Creating),
    }
}

/// An error heals when the owner, with a newer report, shows what was wished.
pub(super) fn saw_started(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Starting
        | State::Error
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Resuming => Ok(State::Started),
        State::Destroyed => Err(Refusal::Gone),
        State::Destroying
        | State::Started
        | State::Stopped
        | State::Stopping
        | State::BuildFailed
        | State::Archived
        | State::Archiving
        | State::Pausing
        | State::Paused => Ok(state),
    }
}

/// A half-finished archive can always go back to stopped.
pub(super) fn saw_stopped(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Destroying
        | State::Stopped
        | State::Starting
        | State::BuildFailed
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archived
        | State::Forking
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
        State::Started
        | State::Stopping
        | State::Error
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Pausing
        | State::Paused => Ok(State::Stopped),
    }
}

/// Only a rest that nobody has wished away can end by idleness.
pub(super) fn saw_idle_stopped(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Destroying
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archived
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
        State::Started | State::Paused => Ok(State::Stopped),
    }
}

pub(super) fn saw_paused(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Destroying
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archived
        | State::Archiving
        | State::Forking
        | State::Paused
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
        State::Resizing | State::Snapshotting | State::Pausing => Ok(State::Paused),
    }
}

/// Only what runs, and shall, can be frozen by idleness.
pub(super) fn saw_idle_paused(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Destroying
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archived
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
        State::Started => Ok(State::Paused),
    }
}

pub(super) fn saw_archived(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Destroying
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archived
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
        State::Archiving => Ok(State::Archived),
    }
}

/// Gone without a wish is a loss, and a loss is an error, not a quiet success.
pub(super) fn saw_destroyed(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(State::Error),
        State::Destroyed => Err(Refusal::Gone),
        State::Destroying => Ok(State::Destroyed),
        State::Error | State::BuildFailed | State::PendingBuild | State::Archived => Ok(state),
    }
}

pub(super) fn saw_build_failed(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating | State::PendingBuild | State::BuildingSnapshot | State::Unknown => Ok(State::BuildFailed),
        State::Restoring
        | State::Destroying
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::PullingSnapshot
        | State::Archived
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
    }
}

/// A deletion that fails is tried again for ever: it must succeed.
pub(super) fn saw_failed(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(State::Error),
        State::Destroyed => Err(Refusal::Gone),
        State::Destroying | State::BuildFailed | State::Archived => Ok(state),
    }
}

/// Nothing was made, so placement starts over.
pub(super) fn saw_refused(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating | State::Unknown | State::PullingSnapshot => Ok(State::Creating),
        State::Restoring
        | State::Destroying
        | State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::Error
        | State::BuildFailed
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Archived
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(state),
        State::Destroyed => Err(Refusal::Gone),
    }
}

/// A deletion never gives up. A claimed sandbox is `started` while its owner has not applied the claim, and may give up.
pub(super) fn gave_up(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Starting
        | State::Stopping
        | State::PendingBuild
        | State::Started
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Resuming => Ok(State::Error),
        State::Destroyed => Err(Refusal::Gone),
        State::Destroying | State::Stopped | State::Error | State::BuildFailed | State::Archived | State::Paused => {
            Ok(state)
        }
    }
}

/// What never ran, or rests in S3, starts over elsewhere; other files died with the machine.
pub(super) fn runner_died(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating | State::Unknown | State::PullingSnapshot => Ok(State::Creating),
        State::Restoring => Ok(State::Restoring),
        State::Destroyed => Err(Refusal::Gone),
        State::Destroying => Ok(State::Destroyed),
        State::Started
        | State::Stopped
        | State::Starting
        | State::Stopping
        | State::BuildingSnapshot
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(State::Error),
        State::Error | State::BuildFailed | State::PendingBuild | State::Archived => Ok(state),
    }
}
