//! The sweep: walks only what is due, and does for certainty what requests do for speed. Same plan, same road.

use futures::stream::TryStreamExt as _;
use paddock_model::{access::Actor, id::SandboxId, sandbox::Sandbox, time::Timestamp};

use super::{
    Error,
    drive::{change_from, follow_up},
    place,
};
use crate::{
    app::App,
    store::{keys::DUE_SHARDS, sandboxes::Stored},
};

/// Sandboxes worked on at once.
const AT_ONCE: usize = 16;

/// A look may always take this many to `error`.
const FAIL_FREELY: usize = 10;

/// What a look found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Sandboxes that were due.
    pub due: usize,
    /// Sandboxes that the brake kept from `error`.
    pub braked: usize,
    /// When the next one is due, as far as was looked.
    pub next: Option<Timestamp>,
}

/// Does what is due now, and tells what will be due until `horizon`.
pub async fn run(app: &App, horizon: Timestamp) -> Result<Look, Error> {
    let now = app.now();
    let shards = futures::future::try_join_all((0..DUE_SHARDS).map(|shard| app.store.due(shard, horizon))).await?;
    let (due, later): (Vec<_>, Vec<_>) = shards.into_iter().flatten().partition(|due| due.at <= now);
    let ids: Vec<SandboxId> = due.iter().map(|due| due.id).collect();
    let mut heads = app.store.heads(&ids).await?;
    // The index may be older than the items.
    heads.retain(|head| head.sandbox.due.is_some_and(|due| due <= now));
    let found = heads.len();
    let braked = brake(app, &mut heads, now).await?;
    futures::stream::iter(heads.into_iter().map(Ok))
        .try_for_each_concurrent(AT_ONCE, |head| async move {
            let id = head.sandbox.id;
            // One that cannot be helped now must not keep the others waiting.
            if let Err(error) = Box::pin(look_at(app, head)).await {
                tracing::warn!(sandbox = %id, %error, "sweep will look again");
            }
            Ok::<(), Error>(())
        })
        .await?;
    Ok(Look { due: found, braked, next: later.iter().map(|due| due.at).min() })
}

async fn look_at(app: &App, head: Stored) -> Result<(), Error> {
    let changed = change_from(app, head, None, &Actor::Sweep, |sandbox| {
        let is_due = sandbox.due.is_some_and(|due| due <= app.now());
        Ok(is_due.then(|| sandbox.clone()))
    })
    .await?;
    follow_up(app, &changed, None).await;
    Ok(())
}

/// Takes out those that would become `error`, when they are an abnormal share of the fleet: then the fault is more
/// likely ours, and waiting destroys nothing.
async fn brake(app: &App, heads: &mut Vec<Stored>, now: Timestamp) -> Result<usize, Error> {
    let fails = |sandbox: &Sandbox| {
        let (then, _) = sandbox.advance(now);
        !sandbox.state.is_failed() && then.state.is_failed()
    };
    let failing = heads.iter().filter(|head| fails(&head.sandbox)).count();
    if failing <= FAIL_FREELY {
        return Ok(0);
    }
    let fleet = place::fleet(app, &app.config.region).await?;
    let fleet: usize = fleet.iter().map(|(_, load)| load.allocated.sandboxes as usize).sum();
    if failing <= FAIL_FREELY.max(fleet / 10) {
        return Ok(0);
    }
    tracing::error!(failing, fleet, "brake: the sweep would take an abnormal share to error");
    heads.retain(|head| !fails(&head.sandbox));
    Ok(failing)
}
