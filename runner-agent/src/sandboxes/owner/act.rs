//! Doing what the mind said: begin it, read the mailbox meanwhile, tell the outcome.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use paddock_wire::work::{Captured, Observed, Wish, Work};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        actions::{Failure, capture, create, end, look, run},
        environment,
        host::Host,
        mind::{Next, Reception, size_of},
        state::{Body, Held, Key, Seen},
    },
    Owner,
};
use crate::{engine::labels::Size, readiness::ReadyDoor, snapshots::Wanted};

/// A start that takes longer is reported as under way, and again as long as it is: the control plane gives up what is
/// silent for minutes.
const SLOW: Duration = Duration::from_secs(1);
const SAID_AGAIN: Duration = Duration::from_secs(20);
/// After a capture a check may still tell of the silence of what was frozen for it.
const THAWED: Duration = Duration::from_secs(15);
/// Between attempts while the engine does not answer, or cannot do what must be done.
const AGAIN: Duration = Duration::from_secs(1);

/// What an action brought.
enum Outcome {
    Looked(Result<Option<Seen>, Failure>),
    Made(Result<create::Made, Failure>),
    Started(Result<SocketAddr, Failure>),
    Ready(Result<Option<String>, Failure>),
    EnvApplied(Result<String, Failure>),
    Stopped(Result<(), Failure>),
    Gone(Result<(), Failure>),
    LostRemoved(u64, Result<(), Failure>),
    Paused(Result<(), Failure>),
    Unpaused(Result<(), Failure>),
    Resized(Size, Result<(), Failure>),
    Captured(Result<Captured, Failure>),
}

/// Whether to go on at once.
#[derive(PartialEq, Eq)]
enum Pace {
    Now,
    Later,
}

impl Owner {
    /// Does one action, reading the mailbox meanwhile.
    pub(super) async fn act(&mut self, action: Next) {
        let begun_for = self.mind.target().map(Key::of);
        let cancel = CancellationToken::new();
        let pulling = Arc::new(AtomicBool::new(false));
        self.capturing = matches!(action, Next::Capture(_));
        if self.capturing {
            // The wish itself is reached, and doors need not wait for what is done besides.
            self.mind.note_in_force();
            self.publish();
        }
        let Some(mut doing) = self.begin(&action, &cancel, &pulling) else {
            // Nothing could be begun: without a pause a standing contradiction would spin.
            return tokio::time::sleep(AGAIN).await;
        };
        let first_look = action == Next::Look && begun_for.is_none();
        let is_start = matches!(action, Next::Create | Next::Start);
        let mut slow = tokio::time::interval_at(Instant::now() + SLOW, SAID_AGAIN);
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut doing => break outcome,
                // Before the first look nothing can be judged.
                Some(letter) = self.seat.mailbox.recv(), if !first_look => {
                    let asked_again = self.read(letter) == Some(Reception::Repeated);
                    if self.mind.supersedes(&action, begun_for) {
                        cancel.cancel();
                    }
                    if is_start && asked_again {
                        self.report_start(begun_for, &pulling);
                    }
                }
                _ = slow.tick(), if is_start || self.capturing => {
                    if is_start { self.report_start(begun_for, &pulling) } else { self.report_capture(begun_for) }
                }
            }
        };
        drop(doing);
        if std::mem::take(&mut self.capturing) {
            self.trusts_until = Instant::now() + THAWED;
        }
        if self.absorb(outcome, begun_for).await == Pace::Later {
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// It is under way still, for the wish that it was begun for or another one to run.
    fn report_start(&mut self, begun_for: Option<Key>, pulling: &AtomicBool) {
        let serves = |work: &Work| work.wish == Wish::Started || Some(Key::of(work)) == begun_for;
        if self.mind.target().is_some_and(serves) {
            let pulling = pulling.load(Ordering::Relaxed);
            self.report(if pulling { Observed::PullingSnapshot } else { Observed::Creating }, None);
        }
    }

    /// It is as wished, and its capture is under way still.
    fn report_capture(&mut self, begun_for: Option<Key>) {
        let Some(work) = self.mind.target().filter(|work| Some(Key::of(work)) == begun_for) else { return };
        let observed = match work.wish {
            Wish::Started => Observed::Started,
            Wish::Paused => Observed::Paused,
            Wish::Stopped { .. } | Wish::Archived | Wish::Destroyed => Observed::Stopped,
        };
        self.report(observed, None);
    }

    fn begin(
        &mut self,
        action: &Next,
        cancel: &CancellationToken,
        pulling: &Arc<AtomicBool>,
    ) -> Option<BoxFuture<'static, Outcome>> {
        let host = Arc::clone(&self.host);
        let id = self.seat.sandbox_id;
        let cancel = cancel.clone();
        let body = self.mind.held().body().cloned();
        if matches!(action, Next::Create | Next::Start | Next::Recover | Next::AwaitReady) {
            self.open_door();
        }
        if matches!(action, Next::Create | Next::Start | Next::Recover)
            && let Some(door) = &mut self.door
        {
            // What was said before this start is not about it.
            door.knocks.mark_unchanged();
        }
        if matches!(action, Next::Start | Next::Recover) {
            // A creation says itself from when on: what it pulls first may take minutes.
            self.urgent = Some(self.host.starts.urgent());
        }
        Some(match (action, body) {
            (Next::Look, _) => Box::pin(async move { Outcome::Looked(look::look(&host, id).await) }),
            (Next::Create, _) => {
                let (work, env, pulling) = (self.mind.target()?.clone(), self.env.clone(), Arc::clone(pulling));
                Box::pin(async move {
                    let start = work.wish == Wish::Started;
                    Outcome::Made(create::create(&host, &work, &env, start, &pulling, &cancel).await)
                })
            }
            (Next::Start, Some(body)) => Box::pin(async move { Outcome::Started(run::start(&host, id, &body).await) }),
            (Next::Recover, Some(body)) => {
                Box::pin(async move { Outcome::Started(run::recover(&host, id, &body).await) })
            }
            (Next::AwaitReady, _) => self.begin_waiting(host, cancel)?,
            (Next::ApplyEnv, _) => self.begin_env(host)?,
            (Next::Stop { force }, Some(body)) => {
                let force = *force;
                Box::pin(async move { Outcome::Stopped(end::stop(&host, id, &body, force).await) })
            }
            (Next::Pause | Next::Unpause | Next::Resize | Next::Capture(_) | Next::Release, Some(body)) => {
                return self.begin_change(action, host, body, cancel);
            }
            (Next::Destroy, body) => {
                let epoch = self.proof_for(body.as_ref())?;
                self.mind.note_buried(epoch);
                Box::pin(async move { Outcome::Gone(end::destroy(&host, id, body.as_ref(), epoch).await) })
            }
            (Next::SetAside, Some(body)) => {
                Box::pin(async move { Outcome::Gone(end::set_aside(&host, id, &body).await) })
            }
            (Next::RemoveLost(epoch), _) => {
                let epoch = *epoch;
                Box::pin(async move { Outcome::LostRemoved(epoch, end::remove_lost(&host, id, epoch).await) })
            }
            (_, None) | (Next::Settle(_) | Next::Rest, _) => return None,
        })
    }

    /// What leaves its files as they are, or elsewhere.
    fn begin_change(
        &self,
        action: &Next,
        host: Arc<Host>,
        body: Body,
        cancel: CancellationToken,
    ) -> Option<BoxFuture<'static, Outcome>> {
        let (id, held) = (self.seat.sandbox_id, self.mind.held());
        Some(match action {
            Next::Pause => {
                Box::pin(
                    async move { Outcome::Paused(host.engine.pause(&body.container).await.map_err(Failure::from)) },
                )
            }
            Next::Unpause => {
                Box::pin(
                    async move { Outcome::Unpaused(host.engine.unpause(&body.container).await.map_err(Failure::from)) },
                )
            }
            Next::Resize => {
                let (to, runs) = (size_of(self.mind.target()?), held.runs());
                Box::pin(async move { Outcome::Resized(to, run::resize(&host, id, &body, runs, to).await) })
            }
            Next::Capture(capture) => {
                let wanted = Wanted { id: *capture, sandbox: id, epoch: body.epoch };
                let runs = held.runs() && !held.is_frozen();
                Box::pin(async move { Outcome::Captured(capture::capture(&host, wanted, &body, runs, &cancel).await) })
            }
            Next::Release => {
                // The last look before files are removed here: what is accepted is of this very placement.
                self.mind.target().filter(|work| work.archived.is_some() && work.epoch == body.epoch)?;
                Box::pin(async move { Outcome::Gone(end::release(&host, id, &body).await) })
            }
            _ => return None,
        })
    }

    fn begin_waiting(&self, host: Arc<Host>, cancel: CancellationToken) -> Option<BoxFuture<'static, Outcome>> {
        let Held::Running { addr, .. } = *self.mind.held() else { return None };
        let knocks = self.door.as_ref().map(|door| door.knocks.clone());
        Some(Box::pin(async move { Outcome::Ready(run::await_ready(&host, addr, knocks, &cancel).await) }))
    }

    fn begin_env(&self, host: Arc<Host>) -> Option<BoxFuture<'static, Outcome>> {
        let Held::Running { addr, .. } = *self.mind.held() else { return None };
        let env = self.env.clone();
        let digest = environment::digest_of(&env);
        Some(Box::pin(async move { Outcome::EnvApplied(run::apply_env(&host, addr, &env).await.map(|()| digest)) }))
    }

    /// The last look before files are removed: the proof must cover this very container.
    fn proof_for(&self, body: Option<&Body>) -> Option<u64> {
        let proof = self.mind.proven()?;
        let covered = body.is_none_or(|body| body.epoch <= proof);
        if !covered {
            tracing::error!(sandbox = %self.seat.sandbox_id, proof, "destruction without proof refused");
        }
        covered.then_some(proof)
    }

    /// A door that cannot be opened is this machine's fault and no reason to stop what runs: its daemon is asked then.
    fn open_door(&mut self) {
        if self.door.is_none() {
            match ReadyDoor::open(&self.host.files.door_dir(self.seat.sandbox_id)) {
                Ok(door) => self.door = Some(door),
                Err(error) => tracing::error!(sandbox = %self.seat.sandbox_id, %error, "cannot listen for its daemon"),
            }
        }
    }

    /// Tells the mind.
    async fn absorb(&mut self, outcome: Outcome, begun_for: Option<Key>) -> Pace {
        match outcome {
            Outcome::Looked(Ok(seen)) => self.absorb_look(seen).await,
            Outcome::Made(Ok(made)) => {
                self.urgent = made.urgent;
                if let Some(door) = self.door.as_mut().filter(|_| made.ran_before) {
                    // Its daemon is asked instead: the knock may be of the run that only showed the files.
                    door.knocks.mark_unchanged();
                }
                self.mind.note_made(made.body, made.address);
            }
            Outcome::Started(Ok(addr)) => self.mind.note_started(addr),
            Outcome::Ready(Ok(version)) => {
                if let Some(door) = &mut self.door {
                    door.knocks.mark_unchanged();
                }
                self.version = version;
                self.mind.note_ready();
            }
            Outcome::EnvApplied(Ok(digest)) => self.mind.note_env(digest),
            Outcome::Stopped(Ok(())) => self.mind.note_stopped(begun_for),
            Outcome::Gone(Ok(())) => self.mind.note_gone(),
            Outcome::Paused(Ok(())) => self.mind.note_paused(begun_for),
            Outcome::Unpaused(Ok(())) => self.mind.note_unpaused(),
            Outcome::Resized(size, Ok(())) => self.mind.note_resized(size),
            Outcome::Resized(_, Err(Failure::NoRoom(reason) | Failure::Failed(reason))) => {
                self.mind.note_resize_refused(begun_for, reason)
            }
            Outcome::Captured(Ok(captured)) => self.mind.note_captured(captured),
            Outcome::Captured(Err(Failure::Cancelled)) => (),
            Outcome::LostRemoved(epoch, Ok(())) => self.mind.note_lost_removed(epoch),
            Outcome::Made(Err(failure)) => {
                // Its socket went with the directory.
                self.door = None;
                return self.absorb_start_failure(failure, false, begun_for);
            }
            Outcome::Started(Err(failure)) => return self.absorb_start_failure(failure, true, begun_for),
            Outcome::Ready(Err(failure)) | Outcome::EnvApplied(Err(failure)) => {
                return self.absorb_daemon_failure(failure, begun_for);
            }
            Outcome::Looked(Err(failure))
            | Outcome::Stopped(Err(failure))
            | Outcome::Gone(Err(failure))
            | Outcome::Paused(Err(failure))
            | Outcome::Unpaused(Err(failure))
            | Outcome::Resized(_, Err(failure))
            | Outcome::Captured(Err(failure))
            | Outcome::LostRemoved(_, Err(failure)) => {
                // These must be done in the end, whatever the engine says now.
                tracing::warn!(sandbox = %self.seat.sandbox_id, %failure, "will try again");
                self.mind.note_doubt();
                return Pace::Later;
            }
        }
        Pace::Now
    }

    async fn absorb_look(&mut self, seen: Option<Seen>) {
        let (host, id) = (Arc::clone(&self.host), self.seat.sandbox_id);
        let before = self.mind.held().body().cloned();
        self.mind.note_seen(seen, Instant::now());
        if let Some(body) = self.mind.held().body() {
            host.holdings.adopt(id, body.epoch, body.size, self.mind.held().runs());
        }
        if let (Some(lost), None) = (before, self.mind.held().body()) {
            tracing::error!(sandbox = %id, container = lost.container, "its container has vanished");
            self.door = None;
            host.holdings.release(id, lost.epoch);
            host.slots.release(lost.slot).await;
            if let Err(error) = host.files.remove(id).await {
                tracing::warn!(sandbox = %id, %error, "directory of a lost sandbox stays until the next start");
            }
        }
    }

    /// `files`: there are files, so that another try makes sense.
    fn absorb_start_failure(&mut self, failure: Failure, files: bool, begun_for: Option<Key>) -> Pace {
        tracing::warn!(sandbox = %self.seat.sandbox_id, %failure, "not started");
        self.mind.note_doubt();
        match failure {
            Failure::Cancelled => return Pace::Now,
            Failure::Unavailable(_) => return Pace::Later,
            Failure::NoRoom(reason) if !files => self.mind.note_failed(begun_for, Observed::Refused { reason }),
            failure => {
                // Files that are kept elsewhere are not lost by a start that failed.
                let kept = self.mind.target().is_some_and(|work| work.restore.is_some());
                let failed = Observed::Failed { reason: failure.to_string(), recoverable: files || kept };
                self.mind.note_failed(begun_for, failed);
            }
        }
        Pace::Now
    }

    fn absorb_daemon_failure(&mut self, failure: Failure, begun_for: Option<Key>) -> Pace {
        match failure {
            Failure::Cancelled => Pace::Now,
            Failure::Failed(reason) => {
                self.mind.note_failed(begun_for, Observed::Failed { reason, recoverable: true });
                Pace::Now
            }
            // It says nothing about the sandbox, which runs on.
            Failure::Unavailable(reason) => {
                tracing::error!(sandbox = %self.seat.sandbox_id, reason, "will try again");
                Pace::Later
            }
            Failure::Silent | Failure::NoRoom(_) => {
                self.mind.note_silent(Instant::now());
                Pace::Now
            }
        }
    }
}
