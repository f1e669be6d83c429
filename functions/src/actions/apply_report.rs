//! What a runner saw becomes what the table says, if the report is newer and from the owner.

use std::time::Duration;

use paddock_model::{
    access::Actor,
    change::{Effect, Seen},
    id::{RunnerId, SandboxId},
    report::{Stamp, Standing, standing},
    sandbox::{Failure, Sandbox},
};
use paddock_wire::{
    agents::Verdict,
    work::{Observed, Report},
};

use super::{
    Error,
    drive::{Changed, change, follow_up},
    top_up_pool, work,
};
use crate::app::App;

/// Longest reason kept of what a runner says.
const REASON_CHARS: usize = 300;

/// Applies one report. Trouble with the table is a verdict too: send it again.
pub async fn run(app: &App, runner: RunnerId, report: &Report) -> Verdict {
    match apply(app, runner, report).await {
        Ok(verdict) => verdict,
        Err(Error::SandboxNotFound(_)) => Verdict::Stale,
        Err(error) => {
            tracing::warn!(sandbox = %report.sandbox_id, %error, "report not applied; the runner will repeat it");
            Verdict::Retry
        }
    }
}

async fn apply(app: &App, runner: RunnerId, report: &Report) -> Result<Verdict, Error> {
    let Report { sandbox_id, epoch, generation, seq, observed, facts } = report;
    let stamp = Stamp { runner, epoch: *epoch, generation: *generation, seq: *seq };
    let idle = facts.idle_seconds.map(Duration::from_secs);
    let seen = seen(observed);
    let hear = |sandbox: &Sandbox| {
        let mut new = sandbox.heard(stamp, &seen, idle, app.now());
        if facts.daemon_version.is_some() {
            new.daemon_version.clone_from(&facts.daemon_version);
        }
        new
    };
    let id = SandboxId(*sandbox_id);
    let (changed, verdict) = match write(app, id, stamp, hear).await {
        // It came back from an error, and its organization has no room for it any more: take note, no more.
        Err(Error::QuotaExceeded { .. }) => write(app, id, stamp, |sandbox| sandbox.noted(stamp, app.now())).await?,
        other => other?,
    };
    if verdict == Standing::Stale {
        return Ok(Verdict::Stale);
    }
    if let Some(pool) = left_pool(&changed)
        && let Err(error) = top_up_pool::run(app, pool).await
    {
        tracing::warn!(pool, %error, "pool not topped up; the sweep will");
    }
    answer(app, stamp, &changed).await
}

async fn write(
    app: &App,
    id: SandboxId,
    stamp: Stamp,
    mut hear: impl FnMut(&Sandbox) -> Sandbox,
) -> Result<(Changed, Standing), Error> {
    let mut verdict = Standing::Stale;
    let changed = change(app, id, &Actor::Runner(stamp.runner), |sandbox| {
        verdict = standing(sandbox, stamp);
        Ok((verdict == Standing::Applies).then(|| hear(sandbox)))
    })
    .await?;
    Ok((changed, verdict))
}

/// The reporter hears of a newer wish at once; others by their queue.
async fn answer(app: &App, stamp: Stamp, changed: &Changed) -> Result<Verdict, Error> {
    let now = &changed.new.sandbox;
    let behind = now.generation > stamp.generation || changed.effect != Effect::None;
    if now.runner != Some(stamp.runner) || now.epoch != stamp.epoch || !behind {
        follow_up(app, changed, None).await;
        return Ok(Verdict::Applied);
    }
    let idle = match changed.effect {
        Effect::StopIfIdle(idle) => Some(idle),
        Effect::None | Effect::Send | Effect::Place => None,
    };
    let Some((_, spec)) = app.store.detail(now.id).await? else { return Ok(Verdict::Applied) };
    Ok(match work::build(app, now, &spec, idle)? {
        Some(work) => Verdict::AppliedWithWork { work: Box::new(work) },
        None => Verdict::Applied,
    })
}

/// The pool that a claim has just emptied a place of. A place lost to a failure waits for the sweep: filled at once, an
/// image that cannot start would be tried as fast as the machine can fail.
fn left_pool(changed: &Changed) -> Option<&str> {
    let now = &changed.new.sandbox;
    changed.old.pool.as_deref().filter(|_| now.pool.is_none() && now.organization.is_some())
}

fn seen(observed: &Observed) -> Seen {
    let short = |text: &str| text.chars().take(REASON_CHARS).collect::<String>();
    match observed {
        Observed::PullingSnapshot => Seen::PullingSnapshot,
        Observed::Creating => Seen::Creating,
        Observed::Started => Seen::Started,
        Observed::Stopped => Seen::Stopped,
        Observed::IdleStopped => Seen::IdleStopped,
        Observed::Destroyed => Seen::Destroyed,
        Observed::Failed { reason, recoverable } => {
            Seen::Failed(Failure { reason: short(reason), recoverable: *recoverable })
        }
        Observed::Refused { reason } => {
            tracing::info!(reason = short(reason), "a runner refused a sandbox");
            Seen::Refused
        }
    }
}
