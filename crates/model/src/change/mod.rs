//! What a wish, a report, a placement or a timer makes of a head. Pure: the store decides whether it becomes true.
//!
//! Each function takes the head as it was read and answers the head as it should be written. [`Sandbox::advance`] then
//! asks [`plan`] what follows, so that a change and its consequence are one write.

use std::time::Duration;

use crate::{
    id::{CaptureId, OrganizationId, RunnerId},
    lifecycle::{Desired, Event, Refusal, State, next},
    plan::{Step, patience, plan},
    quota::{Charge, charge, charge_after},
    sandbox::{Failure, Files, Resources, Sandbox, Timers},
    time::Timestamp,
};

mod capture;
mod evacuation;
mod heard;

/// What an owner says of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The image is on its way.
    PullingSnapshot,
    /// The container is being made or started.
    Creating,
    /// Running, and the daemon answers.
    Started,
    /// Not running, files kept.
    Stopped,
    /// Stopped for idleness.
    IdleStopped,
    /// Frozen, processes and memory kept.
    Paused,
    /// Frozen for idleness.
    IdlePaused,
    /// Not here any more: the kept capture is all there is.
    Archived,
    /// Gone.
    Destroyed,
    /// Cannot be done.
    Failed(Failure),
    /// No room; nothing was made.
    Refused,
}

/// What became of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Which.
    pub id: CaptureId,
    /// It is complete; else why it is not.
    pub done: Result<(), String>,
}

/// What must be done outside the table once a change is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Send the whole work to the owner.
    Send,
    /// Send it with the question whether it has been idle this long.
    StopIfIdle(Duration),
    /// The same, to be frozen then.
    PauseIfIdle(Duration),
    /// Choose a runner, then [`Sandbox::placed`] and [`Sandbox::advance`] again.
    Place,
}

/// What a claim makes of a pool sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The new owner.
    pub organization: OrganizationId,
    /// Its name there; none = its id.
    pub name: Option<String>,
    /// The wishes that time makes.
    pub timers: Timers,
}

impl Seen {
    /// The lifecycle's word for it.
    pub fn event(&self) -> Event {
        match self {
            Seen::PullingSnapshot => Event::SawPulling,
            Seen::Creating => Event::SawCreating,
            Seen::Started => Event::SawStarted,
            Seen::Stopped => Event::SawStopped,
            Seen::IdleStopped => Event::SawIdleStopped,
            Seen::Paused => Event::SawPaused,
            Seen::IdlePaused => Event::SawIdlePaused,
            Seen::Archived => Event::SawArchived,
            Seen::Destroyed => Event::SawDestroyed,
            Seen::Failed(_) => Event::SawFailed,
            Seen::Refused => Event::SawRefused,
        }
    }
}

impl Sandbox {
    /// The head after a wish; none when things are, or are becoming, as wished already.
    pub fn wish(&self, event: Event, force: bool, now: Timestamp) -> Result<Option<Self>, Refusal> {
        if self.desired == Desired::Destroyed && self.state.is_failed() && event != Event::Delete {
            return Err(Refusal::Gone);
        }
        let event = if event == Event::Stop && self.timers.is_ephemeral() { Event::Delete } else { event };
        let mut state = next(self.state, event)?;
        if state == self.state {
            return Ok(None);
        }
        if event == Event::Recover {
            if !self.failure.as_ref().is_some_and(|failure| failure.recoverable) {
                return Err(Refusal::NotInState);
            }
            if !self.has_container && self.files.kept.is_some() {
                state = State::Restoring;
            }
        }
        let mut new = self.renewed(now);
        new.state = state;
        new.abandon_capture();
        new.files.failed = false;
        new.resized_from = None;
        new.desired = desired_by(event).unwrap_or(self.desired);
        new.force = force;
        new.failure = None;
        if new.desired == Desired::Destroyed {
            new.pool = None;
        }
        if state == State::Destroyed {
            new.bury();
        }
        new.recharge(self.charge);
        Ok(Some(new))
    }

    /// The head with other sizes wished. That these differ, and may, is for the caller to see.
    pub fn resized(&self, to: Resources, now: Timestamp) -> Result<Self, Refusal> {
        let state = next(self.state, Event::Resize)?;
        let mut new = self.renewed(now);
        new.abandon_capture();
        new.state = state;
        new.resized_from = Some(self.resources);
        new.resources = to;
        new.recharge(self.charge);
        Ok(new)
    }

    /// The head after an organization took it out of its pool. It stays in the pool's count until its owner has applied
    /// the claim, so that a pool's places are neither lost nor given twice.
    pub fn claimed(&self, claim: Claim, now: Timestamp) -> Result<Self, Refusal> {
        if !self.is_claimable() {
            return Err(Refusal::Busy);
        }
        let mut new = self.renewed(now);
        new.state = next(self.state, Event::Claim)?;
        new.organization = Some(claim.organization);
        new.name = claim.name.unwrap_or_else(|| self.id.to_string());
        new.timers = claim.timers;
        new.created_at = now;
        new.recharge(self.charge);
        Ok(new)
    }

    /// The head after it was given to `runner`: a new epoch, of which nothing has been heard yet.
    pub fn placed(&self, runner: RunnerId, now: Timestamp) -> Self {
        let mut new = self.clone();
        new.epoch += 1;
        new.runner = Some(runner);
        new.seen_generation = 0;
        new.seen_seq = 0;
        new.has_container = false;
        new.attempt = 0;
        new.due = None;
        new.placed_at = now;
        new.updated_at = now;
        new
    }

    /// The head of a sandbox that waits for files to begin with, and will never get them.
    pub fn without_files(&self, reason: &str, now: Timestamp) -> Self {
        let mut new = self.clone();
        new.give_up(reason, now);
        new
    }

    /// A head just [wished](Self::wish) recovered, not to be started: stopped, or in S3 where its files are.
    pub fn to_rest(&self) -> Self {
        let mut new = self.clone();
        (new.state, new.desired) = match self.state {
            State::Restoring if self.runner.is_none() => (State::Archived, Desired::Archived),
            State::Restoring | State::Starting => (State::Stopping, Desired::Stopped),
            other => (other, self.desired),
        };
        new.recharge(self.charge);
        new
    }

    /// The head after its work was sent once more although the plan would give it up: how the brake waits.
    pub fn resent(&self, now: Timestamp) -> Self {
        let mut new = self.clone();
        new.attempt += 1;
        new.due = Some(now.after(patience(new.attempt)));
        new
    }

    /// The head after its runner was declared dead. Epochs grow, so that what comes back is known to be lost.
    pub fn bereft(&self, now: Timestamp) -> Result<Self, Refusal> {
        let mut new = self.clone();
        new.state = next(self.state, Event::RunnerDied)?;
        if matches!(self.state, State::Stopped | State::Archiving) && self.files.is_fresh() {
            (new.state, new.desired) = (State::Archived, Desired::Archived);
        }
        new.abandon_capture();
        new.resized_from = None;
        new.epoch += 1;
        new.runner = None;
        new.seen_generation = 0;
        new.seen_seq = 0;
        new.has_container = false;
        new.attempt = 0;
        new.due = None;
        new.updated_at = now;
        if new.state.is_failed() && !self.state.is_failed() {
            let reason = "the machine that held this sandbox was lost".to_owned();
            // What was kept beside it is older than what was lost, but it is there.
            new.failure = Some(Failure { reason, recoverable: new.files.kept.is_some() });
        }
        if new.state == State::Destroyed {
            new.bury();
        }
        new.recharge(self.charge);
        let unclaimed = new.pool.is_some() && new.organization.is_none();
        if unclaimed
            && new.state.is_failed()
            && let Ok(Some(deleted)) = new.wish(Event::Delete, false, now)
        {
            return Ok(deleted);
        }
        Ok(new)
    }

    /// The head with all that follows from it, and what remains to be done outside the table.
    pub fn advance(&self, now: Timestamp) -> (Self, Effect) {
        let mut new = self.clone();
        loop {
            let plan = plan(&new, now);
            new.due = plan.due;
            match plan.step {
                Step::Rest => return (new, Effect::None),
                Step::Place => return (new, Effect::Place),
                Step::Send => {
                    new.attempt += 1;
                    return (new, Effect::Send);
                }
                Step::StopIfIdle(idle) => {
                    new.attempt += 1;
                    return (new, Effect::StopIfIdle(idle));
                }
                Step::PauseIfIdle(idle) => {
                    new.attempt += 1;
                    return (new, Effect::PauseIfIdle(idle));
                }
                Step::Capture(purpose) => match new.capturing(purpose, now) {
                    Ok(capturing) => new = capturing,
                    Err(_) => return (new, Effect::None),
                },
                Step::TimeOut => {
                    new.queue_timed_out = true;
                    new.desired = Desired::Destroyed;
                    new.state = State::Destroyed;
                    new.bury();
                    new.recharge(self.charge);
                    new.updated_at = now;
                }
                Step::Delete => match new.wish(Event::Delete, false, now) {
                    Ok(Some(deleted)) => new = deleted,
                    // Always possible from stopped; were it not, a plan must still not turn in circles.
                    Ok(None) | Err(_) => return (new, Effect::None),
                },
                Step::Forget => {
                    new.state = State::Destroyed;
                    new.bury();
                    new.recharge(self.charge);
                    new.updated_at = now;
                }
                Step::GiveUp(reason) => {
                    let before = (new.state, new.files.capture);
                    new.give_up(reason, now);
                    if (new.state, new.files.capture) == before {
                        return (new, Effect::None);
                    }
                }
            }
        }
    }

    fn give_up(&mut self, reason: &str, now: Timestamp) {
        let held = self.charge;
        if self.files.capture.is_some() {
            // Whatever the capture was for, the sandbox itself is as it was: its owner is asked for that.
            self.end_capture(false);
            self.attempt = 0;
            self.placed_at = now;
            self.updated_at = now;
            return self.recharge(held);
        }
        match next(self.state, Event::GaveUp) {
            Ok(state) if state.is_failed() => self.state = state,
            Ok(_) | Err(_) => return,
        }
        self.failure =
            Some(Failure { reason: reason.to_owned(), recoverable: self.has_container || self.files.kept.is_some() });
        self.updated_at = now;
        self.recharge(held);
        let unclaimed = self.pool.is_some() && self.organization.is_none();
        if unclaimed && let Ok(Some(deleted)) = self.wish(Event::Delete, false, now) {
            *self = deleted;
        }
    }

    /// A new wish: one generation on, its time counted from now, nothing sent for it yet.
    fn renewed(&self, now: Timestamp) -> Self {
        let mut new = self.clone();
        new.generation += 1;
        new.wished_at = now;
        new.placed_at = now;
        new.attempt = 0;
        new.due = None;
        new.last_activity = now;
        new.updated_at = now;
        new
    }

    fn bury(&mut self) {
        self.files = Files::default();
        self.resized_from = None;
        self.runner = None;
        self.has_container = false;
        self.pool = None;
        self.failure = None;
        self.attempt = 0;
        self.due = None;
    }

    /// What follows from owner and state alone: the charge, and that a failed sandbox of an organization is no longer
    /// on its way out of a pool.
    fn recharge(&mut self, held: Charge) {
        if self.organization.is_some() && self.state.is_failed() {
            self.pool = None;
        }
        self.charge = match self.organization {
            None => Charge::default(),
            Some(_) => charge_after(held, self.resources, self.state, self.desired),
        };
    }

    /// What a new sandbox in this state is charged.
    pub fn charge_new(&mut self) {
        self.charge = match self.organization {
            None => Charge::default(),
            Some(_) => charge(self.resources, self.state, self.desired),
        };
    }
}

fn desired_by(event: Event) -> Option<Desired> {
    match event {
        Event::Start | Event::Recover => Some(Desired::Started),
        Event::Stop => Some(Desired::Stopped),
        Event::Pause => Some(Desired::Paused),
        Event::Delete => Some(Desired::Destroyed),
        _ => None,
    }
}

fn desired_in(state: State) -> Option<Desired> {
    Desired::ALL.into_iter().find(|desired| *desired != Desired::Resized && state.fulfils(*desired))
}

#[cfg(test)]
mod tests;
