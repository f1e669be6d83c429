//! A claim: a started sandbox leaves its warm pool and gets an owner, by one conditional transaction.
//!
//! Environment and labels are ordinary work of the new generation; until the owner task has applied it, the gate holds
//! every door. So the answer may say `started` at once.

use paddock_model::{access::Actor, change::Claim, entropy, id::SandboxId, sandbox::Detail, snapshot::Pool};

use super::{
    Error,
    create_sandbox::Order,
    drive::{Changed, follow_up, refusal, settle},
    place,
};
use crate::{
    app::App,
    store::{
        pools,
        sandboxes::{Stored, Written},
    },
};

/// Sandboxes that are known of: the more, the less often two claims at once choose the same.
const CANDIDATES: usize = 100;

/// Of these, so many are read: one will do, and a few may be gone by now.
const LOOKED_AT: usize = 5;

/// Claims tried before a cold start is the better use of time.
const TRIES: usize = 3;

/// A sandbox from the pool that has what is ordered, if there is one.
pub(super) async fn from_pool(app: &App, order: &Order, actor: &Actor) -> Result<Option<Detail>, Error> {
    let Some(pool) = pool(app, order).await?.filter(|pool| pool.size > 0) else { return Ok(None) };
    let mut ids = app.store.unclaimed_ids(&pool.id, CANDIDATES).await?;
    entropy::shuffle(&mut ids);
    let (few, others) = ids.split_at(ids.len().min(LOOKED_AT));
    let mut ready = candidates(app, &pool, few).await?;
    if ready.is_empty() {
        ready = candidates(app, &pool, others).await?;
    }
    for candidate in ready.into_iter().take(TRIES) {
        let claim = Claim { organization: order.organization, name: order.name.clone(), timers: order.timers.clone() };
        let Ok(claimed) = candidate.sandbox.claimed(claim, app.now()) else { continue };
        let (new, effect) = settle(app, &claimed, Some(&order.spec.image), None).await?;
        match app.store.change(&candidate, &new, Some(&order.spec).into(), actor).await? {
            Written::Done(stored) => {
                let changed = Changed { old: candidate.sandbox, new: stored, effect };
                follow_up(app, &changed, Some(&order.spec)).await;
                return Ok(Some(Detail { head: new, spec: order.spec.clone() }));
            }
            // Another claimed it: the next one.
            Written::Lost(_) => {}
            other => return Err(refusal(other, &new)),
        }
    }
    Ok(None)
}

async fn pool(app: &App, order: &Order) -> Result<Option<Pool>, Error> {
    let id = pools::id_of(&order.snapshot, &order.region);
    if let Some(pool) = app.recent.pools.get(&id, app.now()) {
        return Ok(pool);
    }
    let pool = app.store.pool(&id).await?;
    app.recent.pools.put(id, pool.clone(), app.now());
    Ok(pool)
}

/// Those of `ids` that can be claimed, on runners that are alive.
async fn candidates(app: &App, pool: &Pool, ids: &[SandboxId]) -> Result<Vec<Stored>, Error> {
    let mut found = app.store.heads(ids).await?.found;
    found.retain(|it| it.sandbox.is_claimable() && it.sandbox.pool.as_ref() == Some(&pool.id));
    if found.is_empty() { Ok(found) } else { place::on_responsive(app, &pool.region, found).await }
}
