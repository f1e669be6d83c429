//! Captures of a sandbox's files: begun by a wish or a timer, ended by a report, a newer wish, or time.

use super::Captured;
use crate::{
    id::CaptureId,
    lifecycle::{Desired, Event, Refusal, State, next},
    sandbox::{Capture, Kept, Purpose, Sandbox},
    time::Timestamp,
};

impl Sandbox {
    /// The head with its files wished captured. An archive of files that are kept already needs no capture.
    pub fn capturing(&self, purpose: Purpose, now: Timestamp) -> Result<Self, Refusal> {
        let state = match purpose {
            Purpose::Archive => next(self.state, Event::Archive)?,
            Purpose::Fork => next(self.state, Event::Fork)?,
            Purpose::Snapshot => next(self.state, Event::Snapshot)?,
            Purpose::Backup if !matches!(self.state, State::Started | State::Stopped) => {
                return Err(self.no_backup());
            }
            Purpose::Backup if !self.is_at_rest() => return Err(Refusal::Busy),
            Purpose::Backup => self.state,
        };
        let mut new = self.renewed(now);
        // A backup is no use of the sandbox: what counts from its stop goes on counting.
        new.last_activity = if purpose == Purpose::Backup { self.last_activity } else { now };
        new.state = state;
        new.files.failed = false;
        new.files.forked |= purpose == Purpose::Fork;
        if purpose == Purpose::Archive {
            new.desired = Desired::Archived;
        }
        if purpose != Purpose::Archive || !self.files.is_fresh() {
            let id = CaptureId::of(self.id, new.generation);
            new.files.capture = Some(Capture { id, purpose });
        }
        new.recharge(self.charge);
        Ok(new)
    }

    fn no_backup(&self) -> Refusal {
        match self.state {
            State::Destroyed => Refusal::Gone,
            state if state.is_failed() => Refusal::Errored,
            state if state.is_settled() => Refusal::NotInState,
            _ => Refusal::Busy,
        }
    }

    /// A newer wish, or the loss of its owner, makes the capture pointless.
    pub(super) fn abandon_capture(&mut self) {
        self.files.capture = None;
    }

    /// What the owner says of the capture under way; nothing when it speaks of another. `runs`: it runs, so that it may
    /// have changed since.
    pub(super) fn note_captured(&mut self, captured: &Captured, runs: bool) {
        let Some(capture) = self.files.capture.filter(|capture| capture.id == captured.id) else { return };
        let done = captured.done.is_ok();
        if done && matches!(capture.purpose, Purpose::Backup | Purpose::Archive) {
            self.files.kept = Some(Kept { id: capture.id, fresh: !runs });
        }
        self.end_capture(done);
    }

    /// The capture is over. A half-finished archive goes back to `stopped`; a finished one goes on, and its container
    /// is let go.
    pub(super) fn end_capture(&mut self, done: bool) {
        let Some(capture) = self.files.capture.take() else { return };
        if !done && matches!(capture.purpose, Purpose::Backup | Purpose::Archive) {
            self.files.failed = true;
        }
        match (self.state, self.desired) {
            (State::Archiving, _) if done => {}
            (State::Archiving, _) => (self.state, self.desired) = (State::Stopped, Desired::Stopped),
            (State::Snapshotting | State::Forking, Desired::Stopped) => self.state = State::Stopped,
            (State::Snapshotting | State::Forking, _) => self.state = State::Started,
            _ => {}
        }
    }
}
