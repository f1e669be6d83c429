//! How many sandboxes of a snapshot wait ready.

use paddock_model::snapshot::Snapshot;

use super::{Error, top_up_pool};
use crate::{app::App, store::pools};

/// Sets the size of the pool of a general snapshot, by its name.
pub async fn run(app: &App, snapshot: &str, size: u32) -> Result<(), Error> {
    let missing = || Error::SnapshotNotFound(snapshot.to_owned());
    let id = app.store.snapshot_named(None, snapshot).await?.ok_or_else(missing)?;
    let snapshot = app.store.snapshot(id).await?.ok_or_else(missing)?;
    resize(app, &snapshot, size).await
}

/// Sets the size of a snapshot's pool, and empties the pools of its earlier images.
pub(super) async fn resize(app: &App, snapshot: &Snapshot, size: u32) -> Result<(), Error> {
    let region = &app.config.region;
    let id = pools::id_of(snapshot, region);
    app.store.set_pool_size(&id, snapshot.id, region, size).await?;
    for pool in app.store.pools().await? {
        if pool.snapshot == snapshot.id && pool.region == *region && pool.id != id && pool.size > 0 {
            app.store.set_pool_size(&pool.id, snapshot.id, region, 0).await?;
        }
        if pool.snapshot == snapshot.id {
            top_up_pool::run(app, &pool.id).await?;
        }
    }
    Ok(())
}
