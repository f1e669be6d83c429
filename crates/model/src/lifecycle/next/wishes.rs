//! What users and timers ask for. One function per event, each naming all 22 states.

use crate::lifecycle::{Refusal, State};

/// Already started is a success; a start cancels an archive under way (control-plane-wire §3).
pub(super) fn start(state: State) -> Result<State, Refusal> {
    match state {
        State::Creating
        | State::Restoring
        | State::Destroying
        | State::Starting
        | State::Stopping
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started => Ok(State::Started),
        State::Stopped => Ok(State::Starting),
        State::Error | State::BuildFailed => Err(Refusal::Errored),
        State::Archived | State::Archiving => Ok(State::Restoring),
        State::Paused => Ok(State::Resuming),
    }
}

pub(super) fn stop(state: State) -> Result<State, Refusal> {
    match state {
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
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started | State::Paused => Ok(State::Stopping),
        State::Stopped | State::Archived => Err(Refusal::NotInState),
        State::Error | State::BuildFailed => Err(Refusal::Errored),
    }
}

pub(super) fn pause(state: State) -> Result<State, Refusal> {
    match state {
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
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started => Ok(State::Pausing),
        State::Stopped | State::Archived | State::Paused => Err(Refusal::NotInState),
        State::Error | State::BuildFailed => Err(Refusal::Errored),
    }
}

pub(super) fn archive(state: State) -> Result<State, Refusal> {
    match state {
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
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started | State::Archived | State::Paused => Err(Refusal::NotInState),
        State::Stopped => Ok(State::Archiving),
        State::Error | State::BuildFailed => Err(Refusal::Errored),
    }
}

pub(super) fn resize(state: State) -> Result<State, Refusal> {
    match state {
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
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started | State::Stopped => Ok(State::Resizing),
        State::Error | State::BuildFailed => Err(Refusal::Errored),
        State::Archived | State::Paused => Err(Refusal::NotInState),
    }
}

pub(super) fn snapshot(state: State) -> Result<State, Refusal> {
    match state {
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
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started | State::Stopped => Ok(State::Snapshotting),
        State::Error | State::BuildFailed => Err(Refusal::Errored),
        State::Archived | State::Paused => Err(Refusal::NotInState),
    }
}

pub(super) fn fork(state: State) -> Result<State, Refusal> {
    match state {
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
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started => Ok(State::Forking),
        State::Stopped | State::Archived | State::Paused => Err(Refusal::NotInState),
        State::Error | State::BuildFailed => Err(Refusal::Errored),
    }
}

/// Whether the error is recoverable is the head's to say; here only the state counts.
pub(super) fn recover(state: State) -> Result<State, Refusal> {
    match state {
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
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started | State::Stopped | State::BuildFailed | State::Archived | State::Paused => {
            Err(Refusal::NotInState)
        }
        State::Error => Ok(State::Starting),
    }
}

/// Delete succeeds from every state; what holds no container is destroyed at once.
pub(super) fn delete(state: State) -> Result<State, Refusal> {
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
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Archiving
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Ok(State::Destroying),
        State::Destroyed => Err(Refusal::Gone),
        State::PendingBuild | State::Archived => Ok(State::Destroyed),
    }
}

pub(super) fn claim(state: State) -> Result<State, Refusal> {
    match state {
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
        | State::Resuming => Err(Refusal::Busy),
        State::Destroyed => Err(Refusal::Gone),
        State::Started => Ok(State::Started),
        State::Stopped | State::Archived | State::Paused => Err(Refusal::NotInState),
        State::Error | State::BuildFailed => Err(Refusal::Errored),
    }
}
