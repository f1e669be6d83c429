//! The message that says all a runner must know to serve one wish.

use std::time::Duration;

use paddock_model::{
    lifecycle::Desired,
    sandbox::{Sandbox, Spec},
};
use paddock_wire::work::{Spec as WireSpec, Wish, Work};

use super::Error;
use crate::app::App;

/// The whole work for a placed sandbox; none when it has no owner, or when its wish is none that runners know.
pub(super) fn build(
    app: &App,
    sandbox: &Sandbox,
    spec: &Spec,
    stop_if_idle: Option<Duration>,
) -> Result<Option<Work>, Error> {
    let wish = match sandbox.desired {
        Desired::Started => Wish::Started,
        Desired::Stopped => Wish::Stopped { force: sandbox.force },
        Desired::Destroyed => Wish::Destroyed,
        Desired::Resized | Desired::Archived | Desired::Paused => return Ok(None),
    };
    let Some(runner) = sandbox.runner else { return Ok(None) };
    let Spec { snapshot: _, snapshot_name, image, user, env, labels: _, public: _ } = spec;
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
        stop_if_idle_seconds: stop_if_idle.map(|idle| idle.as_secs()),
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
