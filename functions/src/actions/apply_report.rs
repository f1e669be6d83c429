//! What a runner saw becomes what the table says, if the report is newer and from the owner.

use std::time::Duration;

use paddock_model::{
    access::Actor,
    change::{Captured, Effect, Seen},
    id::{CaptureId, RunnerId, SandboxId},
    report::{Stamp, Standing, standing},
    sandbox::{Failure, Purpose, Sandbox},
};
use paddock_wire::{
    agents::Verdict,
    work::{Captured as WireCaptured, Observed, Report},
};

use super::{
    Error,
    drive::{Changed, change_from, follow_up},
    fork_sandbox, top_up_pool, work,
};
use crate::{app::App, store::sandboxes::Beside};

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
    let captured = facts.captured.as_ref().map(captured);
    let hear = |sandbox: &Sandbox| {
        let mut new = sandbox.heard(stamp, &seen, captured.as_ref(), idle, app.now());
        if facts.daemon_version.is_some() {
            new.daemon_version.clone_from(&facts.daemon_version);
        }
        new
    };
    let id = SandboxId(*sandbox_id);
    let beside = Beside { spec: None, captured: facts.captured.as_ref() };
    let (changed, verdict) = match write(app, id, stamp, beside, hear).await {
        // It came back from an error, and its organization has no room for it any more: take note, no more.
        Err(Error::QuotaExceeded { .. }) => {
            write(app, id, stamp, Beside::default(), |sandbox| sandbox.noted(stamp, app.now())).await?
        }
        other => other?,
    };
    if verdict == Standing::Stale {
        return Ok(Verdict::Stale);
    }
    if let Err(error) = wake_fork(app, &changed).await {
        tracing::warn!(sandbox = %id, %error, "its fork was not woken; the sweep will");
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
    beside: Beside<'_>,
    mut hear: impl FnMut(&Sandbox) -> Sandbox,
) -> Result<(Changed, Standing), Error> {
    let mut verdict = Standing::Stale;
    let current = app.store.head(id).await?.ok_or_else(|| Error::SandboxNotFound(id.to_string()))?;
    let changed = change_from(app, current, beside, &Actor::Runner(stamp.runner), |sandbox| {
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
    let Some((_, spec)) = app.store.detail(now.id).await? else { return Ok(Verdict::Applied) };
    Ok(match work::build(app, now, &spec, work::idle(changed.effect)).await? {
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

fn short(text: &str) -> String {
    text.chars().take(REASON_CHARS).collect()
}

fn captured(captured: &WireCaptured) -> Captured {
    match captured {
        WireCaptured::Done { manifest } => Captured { id: CaptureId(manifest.id), done: Ok(()) },
        WireCaptured::Failed { id, reason } => Captured { id: CaptureId(*id), done: Err(short(reason)) },
    }
}

/// The fork that waits for what was captured.
async fn wake_fork(app: &App, changed: &Changed) -> Result<(), Error> {
    let Some(capture) = changed.old.files.capture.filter(|capture| capture.purpose == Purpose::Fork) else {
        return Ok(());
    };
    if changed.new.sandbox.files.capture == Some(capture) {
        return Ok(());
    }
    let Some(child) = app.store.capture(capture.id).await?.and_then(|capture| capture.child) else { return Ok(()) };
    fork_sandbox::go_on(app, child).await
}

fn seen(observed: &Observed) -> Seen {
    match observed {
        Observed::PullingSnapshot => Seen::PullingSnapshot,
        Observed::Creating => Seen::Creating,
        Observed::Started => Seen::Started,
        Observed::Stopped => Seen::Stopped,
        Observed::IdleStopped => Seen::IdleStopped,
        Observed::Paused => Seen::Paused,
        Observed::IdlePaused => Seen::IdlePaused,
        Observed::Archived => Seen::Archived,
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
