//! The message that says all a runner must know to serve one wish.

use std::time::Duration;

use paddock_model::{
    change::Effect,
    lifecycle::Desired,
    sandbox::{Files, Sandbox, Spec},
};
use paddock_wire::work::{Restore, Spec as WireSpec, WhenIdle, Wish, Work};

use super::Error;
use crate::app::App;

/// What the owner is asked besides: what to do after so much idleness.
pub(super) type Idle = Option<(Duration, WhenIdle)>;

/// What an effect asks the owner.
pub(super) fn idle(effect: Effect) -> Idle {
    match effect {
        Effect::StopIfIdle(idle) => Some((idle, WhenIdle::Stop)),
        Effect::PauseIfIdle(idle) => Some((idle, WhenIdle::Pause)),
        Effect::None | Effect::Send | Effect::Place => None,
    }
}

/// The whole work for a placed sandbox; none when it has no owner, or when its wish is none that runners know.
pub(super) async fn build(app: &App, sandbox: &Sandbox, spec: &Spec, idle: Idle) -> Result<Option<Work>, Error> {
    let wish = match sandbox.desired {
        Desired::Started => Wish::Started,
        Desired::Stopped => Wish::Stopped { force: sandbox.force },
        Desired::Destroyed => Wish::Destroyed,
        Desired::Paused => Wish::Paused,
        Desired::Archived => Wish::Archived,
        Desired::Resized => return Ok(None),
    };
    let Some(runner) = sandbox.runner else { return Ok(None) };
    let Spec { snapshot: _, snapshot_name, image, user, env, labels: _, public: _ } = spec;
    let restore = restore(app, sandbox).await?;
    let Files { base: _, kept, capture, failed: _, parent: _, forked: _ } = sandbox.files;
    // Only what the container has nothing beyond: letting it go must lose nothing.
    let archived = kept.filter(|kept| kept.fresh && capture.is_none() && wish == Wish::Archived);
    let plain = serde_json::to_vec(env).map_err(|problem| Error::Invalid(problem.to_string()))?;
    Ok(Some(Work {
        deployment: app.config.deployment.clone(),
        sandbox_id: sandbox.id.0,
        epoch: sandbox.epoch,
        generation: sandbox.generation,
        seq: sandbox.seen_seq,
        attempt: sandbox.attempt.max(1),
        wish,
        expect_container: sandbox.has_container,
        stop_if_idle_seconds: idle.map(|(idle, _)| idle.as_secs()),
        when_idle: idle.map(|(_, what)| what).unwrap_or_default(),
        capture: capture.map(|capture| capture.id.0),
        archived: archived.map(|kept| kept.id.0),
        restore: restore.map(Box::new),
        spec: WireSpec {
            organization_id: sandbox.organization.map(|id| id.0),
            image: image.clone(),
            snapshot: snapshot_name.clone(),
            user: user.clone(),
            region: sandbox.region.clone(),
            cpu: sandbox.resources.cpu,
            memory_gib: sandbox.resources.memory_gib,
            disk_gib: sandbox.resources.disk_gib,
            env: app.sealer.seal_for_runner(runner, &sandbox.id.to_string(), &plain),
        },
    }))
}

/// The files to begin with, where the sandbox may have no container: it was archived, or never had one and begins with
/// another's files. Files that are older than what a container held are no substitute for it.
async fn restore(app: &App, sandbox: &Sandbox) -> Result<Option<Restore>, Error> {
    let may_begin = sandbox.files.is_fresh() || !sandbox.has_container;
    let runs = matches!(sandbox.desired, Desired::Started | Desired::Stopped | Desired::Paused);
    let Some(source) = sandbox.files.source().filter(|_| may_begin && runs) else { return Ok(None) };
    let missing = || Error::FilesNotReady(source);
    let capture = app.store.capture(source).await?.ok_or_else(missing)?;
    let manifest = capture.manifest.ok_or_else(missing)?;
    Ok(Some(Restore { manifest, url: app.objects.presign_get(&capture.key).await? }))
}
