//! What must be done next for a sandbox. Pure; the request calls it for speed, the sweep for certainty.
//!
//! One road: whoever changes a head asks `plan` and does as told. The same answer comes from the same head, so doing it
//! twice does no harm.

use std::time::Duration;

use crate::{
    lifecycle::{Desired, Event, State, next},
    sandbox::{Purpose, Sandbox, Timers},
    time::Timestamp,
};

/// Sendings of one generation without a word from the owner before the sandbox is called failed (design §3).
pub const MAX_ATTEMPTS: u32 = 5;

/// What to do now, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What to do now.
    pub step: Step,
    /// What `due` must become; none = nothing will be due.
    pub due: Option<Timestamp>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Choose a runner, epoch + 1, and send.
    Place,
    /// Send the whole work to the owner's queue.
    Send,
    /// Ask the owner to stop it if it has been idle this long.
    StopIfIdle(Duration),
    /// Ask the owner to freeze it if it has been idle this long.
    PauseIfIdle(Duration),
    /// Capture its files, as if it had been wished.
    Capture(Purpose),
    /// It has queued for as long as its owner allows: it is destroyed, and says so for a while.
    TimeOut,
    /// It has been stopped for as long as its owner allows, or its time is over: wish it destroyed.
    Delete,
    /// No runner holds anything: the destruction is complete.
    Forget,
    /// Take it to `error`, with this reason for the user.
    GiveUp(&'static str),
}

/// The step that `sandbox` needs at `now`.
pub fn plan(sandbox: &Sandbox, now: Timestamp) -> Plan {
    if sandbox.state == State::Destroyed {
        return Plan { step: Step::Rest, due: None };
    }
    let end = sandbox.timers.destroy_at.filter(|_| sandbox.desired != Desired::Destroyed);
    if end.is_some_and(|end| end <= now) {
        return Plan { step: Step::Delete, due: None };
    }
    let Plan { step, due } = if sandbox.is_at_rest() {
        at_rest(sandbox, now)
    } else if sandbox.runner.is_none() {
        unplaced(sandbox, now)
    } else {
        under_way(sandbox, now)
    };
    Plan { step, due: due.into_iter().chain(end).min() }
}

fn under_way(sandbox: &Sandbox, now: Timestamp) -> Plan {
    let deadline = sandbox.placed_at.after(deadline(sandbox));
    if can_give_up(sandbox) {
        if sandbox.attempt >= MAX_ATTEMPTS && sandbox.due.is_none_or(|due| due <= now) {
            return Plan { step: Step::GiveUp("the runner that holds this sandbox did not answer"), due: None };
        }
        if deadline <= now {
            return Plan { step: Step::GiveUp("the change took longer than it may"), due: None };
        }
    }
    match sandbox.due {
        Some(due) if due > now && sandbox.attempt > 0 => Plan { step: Step::Rest, due: Some(due) },
        Some(_) | None => Plan { step: Step::Send, due: Some(now.after(patience(sandbox.attempt + 1))) },
    }
}

/// A deletion is never given up, nor is one that is as it should be and whose owner has only not said so.
fn can_give_up(sandbox: &Sandbox) -> bool {
    sandbox.files.capture.is_some() || next(sandbox.state, Event::GaveUp).is_ok_and(|state| state != sandbox.state)
}

/// How long to wait for a word after the `attempt`th sending: 5 s, doubled each time, at most a minute.
pub fn patience(attempt: u32) -> Duration {
    Duration::from_secs((5u64 << attempt.saturating_sub(1).min(4)).min(60))
}

/// The longest a wish may take before it is called failed, however much the owner says it is working on it
/// (control-plane-sandbox §4).
pub fn deadline(sandbox: &Sandbox) -> Duration {
    let minutes = match sandbox.state {
        _ if sandbox.files.capture.is_some() => 60,
        State::Starting | State::Resuming | State::Stopping | State::Pausing => 5,
        State::Creating | State::Unknown | State::Resizing | State::Forking | State::Started | State::Stopped => 15,
        State::Restoring | State::PullingSnapshot => 30,
        State::BuildingSnapshot | State::PendingBuild | State::Archiving | State::Snapshotting => 60,
        State::Paused | State::Archived => 15,
        State::Destroying | State::Destroyed | State::Error | State::BuildFailed => 60,
    };
    Duration::from_secs(minutes * 60)
}

fn unplaced(sandbox: &Sandbox, now: Timestamp) -> Plan {
    if sandbox.desired == Desired::Destroyed {
        return Plan { step: Step::Forget, due: None };
    }
    if sandbox.timers.queue.is_some_and(|queue| sandbox.wished_at.after(queue) <= now) && sandbox.epoch == 0 {
        return Plan { step: Step::TimeOut, due: None };
    }
    let longest = sandbox.timers.queue.unwrap_or_default().max(deadline(sandbox));
    if sandbox.wished_at.after(longest) <= now {
        return Plan { step: Step::GiveUp("no runner had room for this sandbox"), due: None };
    }
    Plan { step: Step::Place, due: Some(now.after(patience(1))) }
}

/// How long a sandbox has to be stopped until its files are captured: a start soon after costs no upload then.
const BACKUP_AFTER: Duration = Duration::from_secs(60);

/// The first timer of those that run in this state, and what it brings about. The stop itself was the last activity, so
/// that what counts from the stop counts from there.
fn at_rest(sandbox: &Sandbox, now: Timestamp) -> Plan {
    let Timers { auto_stop, auto_pause, auto_archive, auto_delete, destroy_at: _, queue: _ } = sandbox.timers;
    let keeps = !sandbox.timers.is_ephemeral();
    let timers = match sandbox.state {
        State::Started => [
            auto_stop.map(|idle| (idle, Step::StopIfIdle(idle))),
            auto_pause.map(|idle| (idle, Step::PauseIfIdle(idle))),
            None,
        ],
        State::Stopped => [
            auto_delete.map(|stopped| (stopped, Step::Delete)),
            auto_archive.filter(|_| keeps).map(|stopped| (stopped, Step::Capture(Purpose::Archive))),
            Some((BACKUP_AFTER, Step::Capture(Purpose::Backup)))
                .filter(|_| keeps && !sandbox.files.is_fresh() && !sandbox.files.failed),
        ],
        _ => [None, None, None],
    };
    let first = timers.into_iter().flatten().min_by_key(|(after, _)| *after);
    let Some((after, step)) = first.filter(|_| sandbox.pool.is_none()) else {
        return Plan { step: Step::Rest, due: None };
    };
    let due = sandbox.last_activity.after(after);
    if due > now {
        return Plan { step: Step::Rest, due: Some(due) };
    }
    // The owner's clock decides about idleness, so it is only asked, and its answer takes a while.
    match sandbox.due {
        Some(asked) if asked > now && sandbox.attempt > 0 => Plan { step: Step::Rest, due: Some(asked) },
        Some(_) | None => Plan { step, due: Some(now.after(patience(sandbox.attempt + 1))) },
    }
}

#[cfg(test)]
mod tests;
