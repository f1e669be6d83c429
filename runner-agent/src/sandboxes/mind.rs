//! What an owner task knows and decides, without locks, clocks or waiting.
//!
//! [`Mind::receive`] accepts, repeats, ignores or refuses a copy of the wish. [`Mind::next`] says what to do next.
//! The owner does it and tells the outcome by the `note_*` methods. Nothing else changes what is known.

use std::time::Duration;

use paddock_wire::work::{Captured, Observed, WhenIdle, Wish, Work};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    restarts::Restarts,
    state::{Body, Held, Key, Seen},
};
use crate::engine::labels::Size;

mod applied;
mod proofs;
#[cfg(test)]
mod tests;

/// What became of a copy of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// Newer than all before: it is the target now.
    Accepted,
    /// The target once more: the control plane has not heard from us, so it will.
    Repeated,
    /// Older than the target or than the container, or of a destroyed placement.
    Ignored,
    /// Of another deployment.
    Refused,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask the engine what there is.
    Look,
    /// Make container and network; started, unless the wish is not to run.
    Create,
    /// Start the container (and its pause container, if that died).
    Start,
    /// The container runs but is of no use: end it, and start it again with its network.
    Recover,
    /// Wait until its daemon answers.
    AwaitReady,
    /// Hand the environment of the target to the daemon.
    ApplyEnv,
    /// End the container, keep its files.
    Stop {
        /// At once.
        force: bool,
    },
    /// Remove the container with its files: there is proof.
    Destroy,
    /// Another placement of the same sandbox is wanted: stop this one and keep its files under another name.
    SetAside,
    /// Freeze it: processes and memory are kept.
    Pause,
    /// Let what is frozen go on.
    Unpause,
    /// Give it the sizes of the target.
    Resize,
    /// Capture its files under this id.
    Capture(Uuid),
    /// Remove the container: its files are kept elsewhere, and that is accepted.
    Release,
    /// Remove what was set aside at this epoch: there is proof.
    RemoveLost(u64),
    /// The target is reached, or never will be: publish and report.
    Settle(Observed),
    /// Nothing to do until someone writes.
    Rest,
}

/// What is known of one sandbox.
#[derive(Debug)]
pub struct Mind {
    deployment: String,
    target: Option<Work>,
    /// Digest of the target's environment.
    wanted_env: Option<String>,
    held: Held,
    /// What is held may have changed behind our back.
    doubt: bool,
    /// The container runs, but its network or its daemon is lost.
    broken: bool,
    /// Highest epoch proven destroyed.
    buried: Option<u64>,
    /// Epoch to be removed by decision of the control plane.
    removal: Option<u64>,
    /// Lost placements to be removed by decision of the control plane.
    lost: Vec<u64>,
    /// Stop, and keep the files: the control plane does not know this placement.
    unwanted: bool,
    /// The target cannot or need not be pursued: what was reported instead.
    given_up: Option<(Key, Observed)>,
    settled: Option<(Key, Observed)>,
    /// There was no room for the sizes of this wish; what runs goes on with those it had.
    refused: Option<(Key, String)>,
    /// What became of the last capture.
    captured: Option<Captured>,
    in_force: InForce,
    restarts: Restarts,
}

/// What doors may rely on.
#[derive(Debug, Default)]
struct InForce {
    key: Key,
    organization_id: Option<Uuid>,
    /// Digest of the environment that was in force when the target was reached.
    env: Option<String>,
}

impl Mind {
    /// Knows nothing yet, but for the tombstone.
    #[must_use]
    pub fn new(deployment: &str, buried: Option<u64>) -> Self {
        Self {
            deployment: deployment.to_owned(),
            target: None,
            wanted_env: None,
            held: Held::Nothing,
            doubt: true,
            broken: false,
            buried,
            removal: None,
            lost: Vec::new(),
            unwanted: false,
            given_up: None,
            settled: None,
            refused: None,
            captured: None,
            in_force: InForce::default(),
            restarts: Restarts::default(),
        }
    }

    /// The newest wish.
    #[must_use]
    pub fn target(&self) -> Option<&Work> {
        self.target.as_ref()
    }

    /// What there is.
    #[must_use]
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Judges a copy of the wish.
    pub fn receive(&mut self, mut work: Work) -> Reception {
        if work.deployment != self.deployment {
            return Reception::Refused;
        }
        let buried = self.buried.is_some_and(|epoch| work.epoch <= epoch);
        let older = self.held.body().is_some_and(|body| body.epoch > work.epoch);
        if (buried && work.wish != Wish::Destroyed) || older {
            return Reception::Ignored;
        }
        match self.target.as_ref().map(Key::of) {
            Some(current) if Key::of(&work) < current => return Reception::Ignored,
            Some(current) if Key::of(&work) == current => {
                self.settled = None;
                // A late copy may be of the time before the capture was accepted.
                work.archived = work.archived.or(self.target.as_ref().and_then(|target| target.archived));
                self.target = Some(work);
                return Reception::Repeated;
            }
            _ => (),
        }
        self.settled = None;
        self.given_up = None;
        self.refused = None;
        self.captured = self.captured.take().filter(|captured| work.capture == Some(id_of(captured)));
        self.unwanted = false;
        self.wanted_env = None;
        // A new wish is a new chance: its owner may have mended what made the sandbox end.
        self.restarts = Restarts::default();
        self.target = Some(work);
        Reception::Accepted
    }

    /// The environment of the target, by its digest.
    pub fn note_wanted_env(&mut self, digest: String) {
        self.wanted_env = Some(digest);
    }

    /// What to do next. `idle` is the time since the last use.
    #[must_use]
    pub fn next(&self, idle: Duration) -> Next {
        if self.doubt {
            return Next::Look;
        }
        if let Some(epoch) = self.lost.last() {
            return Next::RemoveLost(*epoch);
        }
        if self.removal.is_some() && self.held.body().is_some() {
            return Next::Destroy;
        }
        if self.unwanted {
            return if self.held.runs() { Next::Stop { force: false } } else { Next::Rest };
        }
        match &self.target {
            Some(work) => self.pursue(work, idle),
            None if self.held.awaits_daemon() => Next::AwaitReady,
            None => Next::Rest,
        }
    }

    fn pursue(&self, work: &Work, idle: Duration) -> Next {
        let stale_body = self.held.body().is_some_and(|body| body.epoch < work.epoch);
        match (work.wish, &self.held) {
            (Wish::Destroyed, Held::Nothing) => return self.settle(Observed::Destroyed),
            (Wish::Destroyed, _) => return Next::Destroy,
            (Wish::Started | Wish::Stopped { .. } | Wish::Paused | Wish::Archived, _) if stale_body => {
                return Next::SetAside;
            }
            (Wish::Archived, _) => return self.pursue_archive(work),
            (Wish::Started | Wish::Stopped { .. } | Wish::Paused, _) => (),
        }
        if let Some((key, observed)) = &self.given_up
            && *key == Key::of(work)
        {
            // What was given up must not go on running: it would keep the memory that others are promised.
            return match (observed, &self.held) {
                (Observed::IdlePaused, Held::Running { frozen: true, .. }) => self.settle(Observed::IdlePaused),
                (Observed::IdlePaused, Held::Running { .. }) => Next::Pause,
                (Observed::IdlePaused, Held::Stopped(_)) => self.settle(Observed::IdleStopped),
                (_, Held::Running { .. }) => Next::Stop { force: false },
                (_, _) => self.settle(observed.clone()),
            };
        }
        match (work.wish, &self.held) {
            (_, Held::Nothing) if work.restore.is_some() => Next::Create,
            (_, Held::Nothing) if work.expect_container => self.settle(files_lost()),
            (_, Held::Nothing) => Next::Create,
            (Wish::Stopped { .. } | Wish::Paused, Held::Stopped(_)) => self.reached(work, Observed::Stopped),
            (Wish::Stopped { force }, Held::Running { .. }) => Next::Stop { force },
            (Wish::Paused, Held::Running { frozen: true, .. }) => self.reached(work, Observed::Paused),
            (Wish::Paused, Held::Running { .. }) => Next::Pause,
            (_, Held::Stopped(_)) => Next::Start,
            (_, Held::Running { frozen: true, .. }) => Next::Unpause,
            (_, Held::Running { .. }) if self.broken => Next::Recover,
            (_, Held::Running { env: None, .. }) => Next::AwaitReady,
            (_, Held::Running { env, .. }) if *env != self.wanted_env => Next::ApplyEnv,
            (_, Held::Running { .. }) if work.capture.is_none() && is_idle(work, idle) => match work.when_idle {
                WhenIdle::Stop => Next::Stop { force: false },
                WhenIdle::Pause => Next::Pause,
            },
            (_, Held::Running { .. }) => self.reached(work, Observed::Started),
        }
    }

    /// Stopped, captured, and let go once the capture is accepted.
    fn pursue_archive(&self, work: &Work) -> Next {
        match &self.held {
            Held::Nothing if work.archived.is_some() => self.settle(Observed::Archived),
            Held::Nothing => self.settle(files_lost()),
            Held::Running { .. } => Next::Stop { force: false },
            Held::Stopped(_) if work.archived.is_some() => Next::Release,
            Held::Stopped(_) => self.reached(work, Observed::Stopped),
        }
    }

    /// It is as wished; what is wished besides remains.
    fn reached(&self, work: &Work, observed: Observed) -> Next {
        if let Some((_, reason)) = self.refused.as_ref().filter(|(key, _)| *key == Key::of(work)) {
            return self.settle(Observed::Refused { reason: reason.clone() });
        }
        let other_size = self.held.body().is_some_and(|body| body.size != size_of(work));
        if other_size && work.wish != Wish::Archived {
            return Next::Resize;
        }
        match work.capture {
            Some(id) if self.captured.as_ref().map(id_of) != Some(id) => Next::Capture(id),
            Some(_) | None => self.settle(observed),
        }
    }

    fn settle(&self, observed: Observed) -> Next {
        let work = self.target.as_ref().map(Key::of);
        let already = matches!(&self.settled, Some((key, before)) if Some(*key) == work && *before == observed);
        if already { Next::Rest } else { Next::Settle(observed) }
    }

    /// A started action no longer serves: abandon it where that is safe.
    #[must_use]
    pub fn supersedes(&self, action: &Next, begun_for: Option<Key>) -> bool {
        let target = self.target.as_ref();
        let destroyed = self.removal.is_some() || target.is_some_and(|work| work.wish == Wish::Destroyed);
        let moved = match (begun_for, target) {
            (Some(key), Some(work)) => key.epoch != work.epoch,
            (None, Some(_)) | (_, None) => false,
        };
        match action {
            Next::Create | Next::Start | Next::Recover => destroyed || moved,
            // Whoever still wants it finds what was done of it.
            Next::Capture(id) => {
                destroyed || moved || self.doubt || target.is_none_or(|work| work.capture != Some(*id))
            }
            Next::AwaitReady => {
                destroyed || moved || self.doubt || target.is_some_and(|work| work.wish != Wish::Started)
            }
            _ => false,
        }
    }

    /// Published, and handed to the outbox.
    pub fn note_settled(&mut self, observed: Observed) {
        let Some(work) = &mut self.target else { return };
        // "Stop if idle" is asked for now, not for ever: the interval may be another next time.
        work.stop_if_idle_seconds = None;
        self.note_in_force();
        let Some(work) = &self.target else { return };
        self.settled = Some((Key::of(work), observed));
    }

    /// The target is reached, whatever is to be done besides: doors may rely on it.
    pub fn note_in_force(&mut self) {
        let Some(work) = &self.target else { return };
        self.in_force =
            InForce { key: Key::of(work), organization_id: work.spec.organization_id, env: self.wanted_env.clone() };
    }

    /// The engine may know more than we do.
    pub fn note_doubt(&mut self) {
        self.doubt = true;
    }

    /// What the engine says there is.
    pub fn note_seen(&mut self, seen: Option<Seen>, now: Instant) {
        self.doubt = false;
        let before = std::mem::replace(&mut self.held, Held::Nothing);
        let Some(seen) = seen else {
            self.broken = false;
            // Files of a placement that was to be set aside anyway are no loss to the next one.
            let wanted = |body: &Body| self.target.as_ref().is_none_or(|work| work.epoch == body.epoch);
            if before.body().is_some_and(wanted) {
                self.give_up(files_lost());
            }
            return;
        };
        let same = before.body().is_some_and(|body| body.container == seen.body.container);
        let died = same && before.runs() && seen.address.is_none();
        let frozen = seen.frozen;
        let mut seen = seen;
        if let Some(body) = before.body().filter(|_| same) {
            // Its label has the size of its first day.
            seen.body.size = body.size;
        }
        let was_broken = self.broken;
        self.broken = seen.address.is_some() && (was_broken || !seen.network_runs);
        self.held = match (seen.address, before) {
            (None, _) => Held::Stopped(seen.body),
            (Some(_), Held::Running { body, addr, env, .. }) if same => Held::Running { body, addr, env, frozen },
            (Some(addr), _) => Held::Running { body: seen.body, addr, env: None, frozen },
        };
        // What is known to be broken costs nothing more, however often it is looked at until it is mended.
        if died && !was_broken {
            self.spend_restart(&seen.last_words, now);
        } else if self.broken && !was_broken {
            self.spend_restart("its network was lost", now);
        }
    }

    /// The daemon does not answer although the container runs.
    pub fn note_silent(&mut self, now: Instant) {
        // What is frozen answers nobody.
        if self.held.runs() && !self.held.is_frozen() && !self.broken {
            self.broken = true;
            self.spend_restart("its daemon does not answer", now);
        }
    }

    /// Its files take more than they may: it is stopped, and they stay.
    pub fn note_over_disk(&mut self, epoch: u64, reason: String) {
        let runs = matches!(&self.held, Held::Running { body, frozen: false, .. } if body.epoch == epoch);
        let wanted = self.target.as_ref().is_some_and(|work| work.wish == Wish::Started && work.epoch == epoch);
        if runs && wanted && !self.unwanted && self.given_up.is_none() {
            self.settled = None;
            self.give_up(Observed::Failed { reason, recoverable: true });
        }
    }

    /// Every unasked end of a running sandbox costs one of few restarts.
    fn spend_restart(&mut self, reason: &str, now: Instant) {
        let wants_to_run = self.target.as_ref().is_some_and(|work| work.wish == Wish::Started);
        self.settled = None;
        if wants_to_run && !self.restarts.allow(now) {
            let reason = format!("the sandbox stopped running again and again: {reason}");
            self.give_up(Observed::Failed { reason, recoverable: true });
        }
    }

    /// A container was made; `addr` when it was started too.
    pub fn note_made(&mut self, body: Body, addr: Option<std::net::SocketAddr>) {
        self.held = match addr {
            Some(addr) => Held::Running { body, addr, env: None, frozen: false },
            None => Held::Stopped(body),
        };
    }

    /// It runs now.
    pub fn note_started(&mut self, addr: std::net::SocketAddr) {
        self.broken = false;
        if let Some(body) = self.held.body().cloned() {
            self.held = Held::Running { body, addr, env: None, frozen: false };
        }
    }

    /// The server in it is new: it knows the environment of the container's creation and no other.
    pub fn note_ready(&mut self) {
        if let Held::Running { body, env, .. } = &mut self.held {
            *env = Some(body.env_digest.clone());
        }
    }

    /// The server knows this environment now.
    pub fn note_env(&mut self, digest: String) {
        if let Held::Running { env, .. } = &mut self.held {
            *env = Some(digest);
        }
    }

    /// It stopped because we stopped it, for the wish of that time. When that was a wish to run, and still is, it was
    /// because nobody used it.
    pub fn note_stopped(&mut self, begun_for: Option<Key>) {
        self.broken = false;
        if let Some(body) = self.held.body().cloned() {
            self.held = Held::Stopped(body);
        }
        let same = |work: &Work| work.wish == Wish::Started && Some(Key::of(work)) == begun_for;
        if self.target.as_ref().is_some_and(same) && !self.unwanted && self.given_up.is_none() {
            self.give_up(Observed::IdleStopped);
        }
    }

    /// It is frozen because we froze it, for the wish of that time; where that was a wish to run, because nobody used it.
    pub fn note_paused(&mut self, begun_for: Option<Key>) {
        self.set_frozen(true);
        let same = |work: &Work| work.wish == Wish::Started && Some(Key::of(work)) == begun_for;
        if self.target.as_ref().is_some_and(same) && !self.unwanted && self.given_up.is_none() {
            self.give_up(Observed::IdlePaused);
        }
    }

    /// It goes on.
    pub fn note_unpaused(&mut self) {
        self.set_frozen(false);
    }

    fn set_frozen(&mut self, now: bool) {
        if let Held::Running { frozen, .. } = &mut self.held {
            *frozen = now;
        }
    }

    /// It has these sizes now.
    pub fn note_resized(&mut self, size: Size) {
        match &mut self.held {
            Held::Stopped(body) | Held::Running { body, .. } => body.size = size,
            Held::Nothing => (),
        }
    }

    /// There is no room for the sizes of that wish.
    pub fn note_resize_refused(&mut self, begun_for: Option<Key>, reason: String) {
        self.refused = begun_for.map(|key| (key, reason));
    }

    /// What became of a capture.
    pub fn note_captured(&mut self, captured: Captured) {
        self.captured = Some(captured);
    }

    /// What became of the capture of the target, to be told.
    #[must_use]
    pub fn captured(&self) -> Option<&Captured> {
        let wanted = self.target.as_ref()?.capture?;
        self.captured.as_ref().filter(|captured| id_of(captured) == wanted)
    }

    /// It is gone, set aside or destroyed.
    pub fn note_gone(&mut self) {
        self.broken = false;
        self.removal = None;
        self.held = Held::Nothing;
    }

    /// The target will not be reached.
    pub fn give_up(&mut self, observed: Observed) {
        self.given_up = self.target.as_ref().map(|work| (Key::of(work), observed));
    }

    /// What was begun for this wish failed, and trying again would not help. A wish that came since is another matter.
    pub fn note_failed(&mut self, begun_for: Option<Key>, observed: Observed) {
        if self.target.as_ref().map(Key::of) == begun_for {
            self.give_up(observed);
        }
    }
}

/// Of the target.
pub(super) fn size_of(work: &Work) -> Size {
    Size { cpu: work.spec.cpu, memory_gib: work.spec.memory_gib, disk_gib: work.spec.disk_gib }
}

fn id_of(captured: &Captured) -> Uuid {
    match captured {
        Captured::Done { manifest } => manifest.id,
        Captured::Failed { id, .. } => *id,
    }
}

fn is_idle(work: &Work, idle: Duration) -> bool {
    work.stop_if_idle_seconds.is_some_and(|limit| idle >= Duration::from_secs(limit))
}

fn files_lost() -> Observed {
    let reason = "the sandbox's container is no longer on its runner; its files are lost".to_owned();
    Observed::Failed { reason, recoverable: false }
}
