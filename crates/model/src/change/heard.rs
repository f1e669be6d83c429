//! What a report makes of a head.

use std::time::Duration;

use super::{Captured, Seen, desired_in};
use crate::{
    lifecycle::{Desired, Event, State, next},
    plan::patience,
    quota::Charge,
    report::Stamp,
    sandbox::{Failure, Sandbox},
    time::Timestamp,
};

/// How long an owner that said it is at work may be silent before the wish is sent again.
const HEARD: Duration = Duration::from_secs(30);

impl Sandbox {
    /// The head after a report that [applies](crate::report::Standing::Applies). A report that answers an older wish
    /// proves that its owner lives and holds something, no more.
    pub fn heard(
        &self,
        stamp: Stamp,
        seen: &Seen,
        captured: Option<&Captured>,
        idle: Option<Duration>,
        now: Timestamp,
    ) -> Self {
        let mut new = self.clone();
        new.seen_generation = stamp.generation;
        new.seen_seq = stamp.seq;
        new.updated_at = now;
        match seen {
            Seen::Started => {
                new.has_container = true;
                new.files.note_run();
            }
            Seen::Stopped | Seen::IdleStopped | Seen::Paused | Seen::IdlePaused => new.has_container = true,
            Seen::Destroyed | Seen::Archived => new.has_container = false,
            Seen::PullingSnapshot | Seen::Creating | Seen::Failed(_) | Seen::Refused => {}
        }
        if stamp.generation < self.generation {
            return new;
        }
        if let Some(captured) = captured {
            new.note_captured(captured, *seen == Seen::Started);
        }
        if new.files.capture.is_some() && matches!(seen, Seen::Started | Seen::Stopped | Seen::Paused) {
            // As it should be, and at work on the capture.
            (new.attempt, new.due) = (1, Some(now.after(HEARD)));
            return new;
        }
        if new.state == State::Archiving && new.files.is_fresh() && *seen == Seen::Stopped {
            // What was just captured is let go at once; an owner that has not heard of it yet is told again soon.
            (new.attempt, new.due) = if captured.is_some() { (0, None) } else { (1, Some(now.after(patience(1)))) };
            return new;
        }
        if *seen == Seen::Refused && self.state == State::Resizing {
            return new.keep_size(self.charge, now);
        }
        let Ok(state) = next(new.state, seen.event()) else { return new };
        new.enter(state, seen, now);
        new.last_activity = match idle {
            // Every change of state is a use (control-plane-sandbox §4).
            _ if new.state != self.state => now,
            // Only what runs is used, and its owner's clock knows since when it was not.
            Some(idle) if new.state == State::Started => now.before(idle),
            Some(_) | None => self.last_activity,
        };
        new.recharge(self.charge);
        new.follow(now)
    }

    /// The head after a report of which only the counters are taken: what it shows cannot be paid for.
    pub fn noted(&self, stamp: Stamp, now: Timestamp) -> Self {
        let mut new = self.clone();
        new.seen_generation = stamp.generation;
        new.seen_seq = stamp.seq;
        new.updated_at = now;
        new
    }

    /// There is no room for the new sizes: it is what it was.
    fn keep_size(mut self, held: Charge, now: Timestamp) -> Self {
        self.resources = self.resized_from.take().unwrap_or(self.resources);
        self.state = if self.desired == Desired::Stopped { State::Stopped } else { State::Started };
        (self.attempt, self.due, self.last_activity) = (0, None, now);
        self.recharge(held);
        self
    }

    fn enter(&mut self, state: State, seen: &Seen, now: Timestamp) {
        self.state = state;
        if state != State::Resizing {
            self.resized_from = None;
        }
        if state.is_settled() && !matches!(seen, Seen::Started | Seen::Stopped | Seen::IdleStopped) {
            self.abandon_capture();
        }
        self.failure = match seen {
            Seen::Failed(failure) if state.is_failed() => Some(failure.clone()),
            Seen::Destroyed if state.is_failed() => {
                Some(Failure { reason: "the sandbox's container and files were lost".to_owned(), recoverable: false })
            }
            _ if state.is_failed() => self.failure.clone(),
            _ => None,
        };
        let unmade = *seen == Seen::Refused && matches!(state, State::Creating | State::Restoring);
        if (unmade && !self.has_container) || state == State::Archived {
            self.runner = None;
        }
        // Known to be at work: quiet for a while, then asked again. At rest: the plan sets what is due.
        (self.attempt, self.due) = if state.is_settled() { (0, None) } else { (1, Some(now.after(HEARD))) };
        if state == State::Destroyed {
            self.bury();
        } else if state.is_settled() && !state.is_failed() && !state.fulfils(self.desired) {
            self.desired = desired_in(state).unwrap_or(self.desired);
        }
    }

    /// What a report brings about in the pool's name.
    fn follow(mut self, now: Timestamp) -> Self {
        let unclaimed = self.pool.is_some() && self.organization.is_none();
        if self.organization.is_some() && self.seen_generation == self.generation {
            self.pool = None;
        }
        // Deleting is possible from every state but destroyed.
        if unclaimed
            && (self.state.is_failed() || self.state == State::Stopped)
            && let Ok(Some(deleted)) = self.wish(Event::Delete, false, now)
        {
            return deleted;
        }
        self
    }
}
