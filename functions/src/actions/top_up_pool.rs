//! A warm pool gets what it lacks and loses what is too much. Never on a user's path.

use paddock_model::{access::Actor, id::RunnerId, lifecycle::Event, sandbox::Timers, snapshot::Snapshot};

use super::{
    Error,
    create_sandbox::{fresh, spec_of, write_settled},
    drive::{change_from, follow_up},
    place,
};
use crate::{
    app::App,
    store::{pools, sandboxes::Beside},
};

/// Most sandboxes made or ended in one go for one pool: a start costs its runner work.
const IN_ONE_GO: u32 = 8;

/// No user waits in it, so nothing stops it for idleness.
const TIMERS: Timers =
    Timers { auto_stop: None, auto_pause: None, auto_archive: None, auto_delete: None, destroy_at: None, queue: None };

/// Brings the pool nearer to its size. The pool's own count decides about each place, so running twice does no harm.
pub async fn run(app: &App, pool: &str) -> Result<(), Error> {
    let Some(state) = app.store.pool(pool).await? else { return Ok(()) };
    if state.live > state.size {
        return drain(app, pool, (state.live - state.size).min(IN_ONE_GO)).await;
    }
    let missing = (state.size - state.live).min(IN_ONE_GO);
    if missing == 0 {
        return Ok(());
    }
    let Some(snapshot) = app.store.snapshot(state.snapshot).await? else { return Ok(()) };
    if pools::id_of(&snapshot, &state.region) != pool {
        // The snapshot has another image now, and another pool.
        return Ok(());
    }
    // One after the other: all move the pool's one counter, and at once they would only conflict.
    for _ in 0..missing {
        let room = place::choose_for(app, &state.region, &snapshot.image, snapshot.resources, None).await?;
        // A pool does not queue for room: users' sandboxes come first.
        let Some(runner) = room else { return Ok(()) };
        add(app, pool, &state.region, &snapshot, runner).await?;
    }
    Ok(())
}

async fn add(app: &App, pool: &str, region: &str, snapshot: &Snapshot, runner: RunnerId) -> Result<(), Error> {
    let now = app.now();
    let mut new = fresh(now, region.to_owned(), snapshot, TIMERS);
    new.pool = Some(pool.to_owned());
    let settled = new.placed(runner, now).advance(now);
    match write_settled(app, settled, &spec_of(snapshot), &Actor::Pool).await {
        // Contended: the place was filled by another.
        Ok(_) | Err(Error::Contended) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn drain(app: &App, pool: &str, excess: u32) -> Result<(), Error> {
    for stored in app.store.unclaimed_of(pool, excess as usize).await? {
        let changed = change_from(app, stored, Beside::default(), &Actor::Pool, |sandbox| {
            // Claimed meanwhile: not ours any more.
            if sandbox.organization.is_some() {
                return Ok(None);
            }
            Ok(sandbox.wish(Event::Delete, false, app.now()).unwrap_or(None))
        })
        .await?;
        follow_up(app, &changed, None).await;
    }
    Ok(())
}
