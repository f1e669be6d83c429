//! Make a sandbox: named steps, each with its undo.
//!
//! When a step fails, it and all before it are undone in reverse. When the engine does not answer, nobody knows
//! whether the step was done: it is done again until there is an answer, and finds its own traces. What the engine
//! began before it went away, or a pause container that ended with it, may make that impossible: then network and
//! container are made anew, once.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use paddock_wire::work::{Env, Work};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Failure, run};
use crate::{
    engine::{
        ContainerSpec, EngineError, Image, Kind, Mount, SandboxSpec,
        labels::{Labels, Role, SandboxLabels, container_name, pause_name, restoring_name},
        starts::{Counted, StartPermit},
    },
    network::slots::Slot,
    sandboxes::{environment, host::Host, mind::size_of as size, state::Body},
    snapshots::{Ground, RestoreError},
};

#[cfg(test)]
mod tests;

/// Images that are only ever made locally: no registry is asked for them.
const LOCAL_IMAGES: &str = "paddock-";

/// Between attempts while the engine does not answer.
const ASK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Undo: release the room.
    Room,
    /// No undo: an image that was pulled is there for the next one.
    Image,
    /// Undo: dropped with the creation.
    Turn,
    /// Undo: back to stock, or removed once a container has used it.
    Network,
    /// Undo: remove the directory.
    Files,
    /// Undo: remove the container; it has held no files yet that are nowhere else.
    Container,
    /// No undo of its own: removing the container ends it.
    Restore,
    /// No undo of its own: removing the container ends it.
    Start,
}

const STEPS: [Step; 8] =
    [Step::Room, Step::Image, Step::Turn, Step::Network, Step::Files, Step::Container, Step::Restore, Step::Start];

/// Where a creation begins once more: with the network.
const AGAIN_FROM: usize = 3;

/// What is made so far.
struct Creation<'a> {
    host: &'a Host,
    work: &'a Work,
    env: &'a Env,
    pulling: &'a AtomicBool,
    image: Image,
    turn: Option<StartPermit>,
    slot: Option<Slot>,
    mounts: Vec<Mount>,
    container: Option<String>,
    /// There may be a container, whether we know its id or not: nobody else may have its network.
    maybe_container: bool,
    address: Option<SocketAddr>,
    engine_was_away: bool,
    ran_before: bool,
}

/// A sandbox that was made.
pub struct Made {
    /// The container.
    pub body: Body,
    /// Where its daemon will answer, if it was started.
    pub address: Option<SocketAddr>,
    /// It ran for a moment before it was started.
    pub ran_before: bool,
    /// Stock waits until this is dropped.
    pub urgent: Option<Counted>,
}

/// Makes the sandbox of `work`; started if `start`. `pulling` tells the owner what takes so long.
///
/// # Errors
/// When a step fails; then nothing is left, unless the engine went away.
pub async fn create(
    host: &Host,
    work: &Work,
    env: &Env,
    start: bool,
    pulling: &AtomicBool,
    cancel: &CancellationToken,
) -> Result<Made, Failure> {
    let mut creation = Creation {
        host,
        work,
        env,
        pulling,
        image: Image::default(),
        turn: None,
        slot: None,
        mounts: Vec::new(),
        container: None,
        maybe_container: false,
        address: None,
        engine_was_away: false,
        ran_before: false,
    };
    let steps = if start { &STEPS[..] } else { &STEPS[..STEPS.len() - 1] };
    let mut done = creation.take(steps, cancel).await;
    if matches!(done, Err(Failure::Failed(_))) && (creation.engine_was_away || creation.network_is_dead().await) {
        creation.undo_all(&[Step::Network, Step::Container, Step::Start]).await;
        done = creation.take(&steps[AGAIN_FROM..], cancel).await;
    }
    match done {
        Ok(()) => creation.finish(),
        Err(failure) => {
            creation.undo_all(steps).await;
            Err(failure)
        }
    }
}

impl Creation<'_> {
    async fn take(&mut self, steps: &[Step], cancel: &CancellationToken) -> Result<(), Failure> {
        for step in steps {
            let began = Instant::now();
            let done = self.perform_until_answered(*step, cancel).await;
            tracing::debug!(sandbox = %self.work.sandbox_id, ?step, took = ?began.elapsed(), "creation");
            done?;
            if cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
        }
        Ok(())
    }

    /// In reverse. A step that was not done has nothing to undo.
    async fn undo_all(&mut self, steps: &[Step]) {
        for step in steps.iter().rev() {
            self.undo(*step).await;
        }
    }

    async fn perform_until_answered(&mut self, step: Step, cancel: &CancellationToken) -> Result<(), Failure> {
        loop {
            let done = tokio::select! {
                biased;
                done = self.perform(step) => done,
                // Only a step that changes nothing may be cut off in the middle.
                () = cancel.cancelled(), if matches!(step, Step::Image | Step::Turn | Step::Restore) => Err(Failure::Cancelled),
            };
            match done {
                // A restore is begun anew, with the URL of a newer copy of the wish.
                Err(Failure::Unavailable(reason)) if !cancel.is_cancelled() && !matches!(step, Step::Restore) => {
                    tracing::warn!(sandbox = %self.work.sandbox_id, ?step, reason, "doing the step again");
                    self.engine_was_away = true;
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                other => return other,
            }
        }
    }

    /// The pause container does not run. One seldom ends alone: the rest of the stock is looked at too.
    async fn network_is_dead(&self) -> bool {
        let Some(slot) = &self.slot else { return false };
        let Ok(pause) = self.host.engine.inspect(&slot.pause).await else { return false };
        let dead = pause.is_none_or(|pause| !pause.running);
        if dead && let Ok(containers) = self.host.engine.list(&self.host.deployment, &self.host.runner).await {
            self.host.slots.sweep(&containers).await;
        }
        dead
    }

    async fn perform(&mut self, step: Step) -> Result<(), Failure> {
        let (host, work) = (self.host, self.work);
        match step {
            Step::Room if !host.is_guarded() => {
                return Err(Failure::NoRoom("the firewall rules are not in force".to_owned()));
            }
            Step::Room => host
                .holdings
                .admit(work.sandbox_id, work.epoch, size(work))
                .map_err(|no_room| Failure::NoRoom(no_room.to_string()))?,
            Step::Image => self.image = self.find_image().await?,
            Step::Turn => self.turn = Some(host.starts.begin().await),
            Step::Network if self.slot.is_some() => (),
            Step::Network => self.slot = Some(host.slots.take(work.sandbox_id).await?),
            Step::Files => {
                let address = self.slot()?.address;
                let written = host.files.write(work.sandbox_id, address);
                self.mounts = written.map_err(|error| Failure::Failed(format!("files of the sandbox: {error}")))?;
            }
            Step::Container => {
                self.clear_half_restored().await?;
                let made = self.make_container().await;
                // Only a plain no says that there is none.
                self.maybe_container |= !matches!(made, Err(Failure::Failed(_)));
                self.container = Some(made?);
            }
            Step::Restore => self.restore().await?,
            Step::Start => {
                let container = self.container()?;
                self.address = Some(run::start_container(host, work.sandbox_id, container).await?);
            }
        }
        Ok(())
    }

    /// Never fails: what cannot be undone now is found by the next look, or swept at the next start.
    async fn undo(&mut self, step: Step) {
        let (host, work) = (self.host, self.work);
        match step {
            Step::Room => host.holdings.release(work.sandbox_id, work.epoch),
            Step::Image | Step::Restore | Step::Start => (),
            Step::Turn => self.turn = None,
            Step::Network => match (self.slot.take(), std::mem::take(&mut self.maybe_container)) {
                (Some(slot), false) => host.slots.give_back(slot),
                (Some(slot), true) => host.slots.release(slot).await,
                (None, _) => (),
            },
            Step::Files => {
                if let Err(error) = host.files.remove(work.sandbox_id).await {
                    tracing::warn!(sandbox = %work.sandbox_id, %error, "files of a failed creation stay");
                }
            }
            Step::Container => {
                if let Some(container) = self.container.take()
                    && let Err(error) = host.engine.remove(&container).await
                {
                    tracing::warn!(sandbox = %work.sandbox_id, %error, "container of a failed creation stays");
                }
            }
        }
    }

    fn finish(mut self) -> Result<Made, Failure> {
        let body = Body {
            container: self.container()?.to_owned(),
            slot: self.slot()?.clone(),
            epoch: self.work.epoch,
            size: size(self.work),
            env_digest: environment::digest_of(self.env),
        };
        Ok(Made {
            body,
            address: self.address,
            ran_before: self.ran_before,
            urgent: self.turn.take().map(StartPermit::into_counted),
        })
    }

    async fn find_image(&self) -> Result<Image, Failure> {
        let (engine, reference) = (&self.host.engine, &self.work.spec.image);
        if let Some(image) = engine.image(reference).await? {
            return Ok(image);
        }
        if reference.starts_with(LOCAL_IMAGES) {
            return Err(Failure::Failed(format!("image {reference} is not on this runner")));
        }
        self.pulling.store(true, Ordering::Relaxed);
        let pulled = engine.pull(reference).await;
        self.pulling.store(false, Ordering::Relaxed);
        pulled.map_err(|error| match error {
            EngineError::Unavailable(reason) => Failure::Unavailable(reason),
            error => Failure::Failed(format!("image {reference} could not be pulled: {error}")),
        })?;
        let image = engine.image(reference).await?;
        image.ok_or_else(|| Failure::Failed(format!("image {reference} was pulled but is not there")))
    }

    /// Its first files, before anything runs in it.
    async fn restore(&mut self) -> Result<(), Failure> {
        let Some(restore) = &self.work.restore else { return Ok(()) };
        if self.image.id != restore.manifest.image {
            let image = &self.work.spec.image;
            return Err(Failure::Failed(format!("image {image} is not the one that its files were captured from")));
        }
        let container = self.container()?;
        let ground = match self.host.engine.upper_dir(container).await? {
            Some(dir) => Ground::Upper(dir),
            // Only a container that runs shows its files then. Nothing but the daemon runs in it, and that is frozen.
            None => Ground::Root(run::start_frozen(self.host, container).await?),
        };
        // Cut off by dropping it, as a pull is.
        let restored = self.host.captures.restore(restore, &ground, &CancellationToken::new()).await;
        if let Ground::Root(_) = ground {
            self.host.engine.stop(container, Duration::ZERO).await?;
            self.ran_before = true;
        }
        restored.map_err(|error| match error {
            RestoreError::Cancelled => Failure::Cancelled,
            RestoreError::Unavailable(reason) => Failure::Unavailable(reason),
            RestoreError::Failed(reason) => Failure::Failed(format!("its files could not be restored: {reason}")),
        })?;
        Ok(self.host.engine.rename(self.container()?, &container_name(self.work.sandbox_id)).await?)
    }

    /// What an agent left that ended while it restored.
    async fn clear_half_restored(&self) -> Result<(), Failure> {
        if self.work.restore.is_none() {
            return Ok(());
        }
        let Some(half) = self.host.find(&restoring_name(self.work.sandbox_id)).await? else { return Ok(()) };
        self.host.engine.remove(&half.id).await?;
        let pause = half.labels.sandbox().map(|labels| labels.pause.clone());
        if let Some(pause) = pause.filter(|pause| self.slot.as_ref().is_none_or(|slot| slot.pause != *pause)) {
            self.host.slots.release(Slot { pause, address: half.labels.address }).await;
        }
        Ok(())
    }

    /// Its own once it is whole.
    fn first_name(&self) -> String {
        let sandbox = self.work.sandbox_id;
        if self.work.restore.is_some() { restoring_name(sandbox) } else { container_name(sandbox) }
    }

    async fn make_container(&self) -> Result<String, Failure> {
        let (engine, spec) = (&self.host.engine, self.spec()?);
        match engine.create(&spec).await {
            // The name is taken: by ourselves, when an earlier attempt was done without our hearing of it.
            Err(EngineError::Conflict(reason)) => {
                let found = engine.inspect(&spec.name).await?;
                let ours = found.filter(|found| found.labels == spec.labels);
                ours.map(|found| found.id).ok_or(Failure::Failed(reason))
            }
            other => Ok(other?),
        }
    }

    fn spec(&self) -> Result<ContainerSpec, Failure> {
        let work = self.work;
        let slot = self.slot()?;
        let labels = SandboxLabels {
            sandbox: work.sandbox_id,
            epoch: work.epoch,
            pause: slot.pause.clone(),
            size: size(work),
            env_digest: environment::digest_of(self.env),
        };
        Ok(ContainerSpec {
            name: self.first_name(),
            labels: Labels {
                deployment: self.host.deployment.clone(),
                runner: self.host.runner.clone(),
                address: slot.address,
                role: Role::Sandbox(labels),
            },
            image: work.spec.image.clone(),
            kind: Kind::Sandbox(Box::new(SandboxSpec {
                pause: slot.pause.clone(),
                env: environment::at_creation(self.env, self.image.working_dir.is_some()),
                mounts: self.mounts.clone(),
                cpu: work.spec.cpu,
                memory_gib: work.spec.memory_gib,
            })),
        })
    }

    fn slot(&self) -> Result<&Slot, Failure> {
        self.slot.as_ref().ok_or_else(|| Failure::Failed("the network step was skipped".to_owned()))
    }

    fn container(&self) -> Result<&str, Failure> {
        self.container.as_deref().ok_or_else(|| Failure::Failed("the container step was skipped".to_owned()))
    }
}

/// Names are for people: the pause container gets its sandbox's once nothing more urgent is going on.
pub async fn name_pause(host: &Host, sandbox: uuid::Uuid, slot: &Slot) {
    host.starts.quiet().await;
    if host.slots.tenant(&slot.pause) == Some(sandbox)
        && let Err(error) = host.engine.rename(&slot.pause, &pause_name(sandbox)).await
    {
        tracing::debug!(%sandbox, %error, "pause container keeps its first name");
    }
}
