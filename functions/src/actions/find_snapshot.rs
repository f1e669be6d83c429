//! One snapshot that an organization may use: its own, or a general one.

use paddock_model::{
    id::{OrganizationId, SnapshotId},
    snapshot::{Snapshot, SnapshotState},
};

use super::Error;
use crate::app::App;

/// By id or name, perhaps as it was a moment ago; of equal names the organization's own is meant.
pub async fn run(app: &App, organization: OrganizationId, id_or_name: &str) -> Result<Snapshot, Error> {
    let key = (organization, id_or_name.to_owned());
    if let Some(snapshot) = app.recent.snapshots.get(&key, app.now()) {
        return Ok(snapshot);
    }
    let missing = || Error::SnapshotNotFound(id_or_name.to_owned());
    let snapshot = read(app, organization, id_or_name).await?.ok_or_else(missing)?;
    if snapshot.organization.is_some_and(|owner| owner != organization) {
        return Err(missing());
    }
    if snapshot.state != SnapshotState::Active {
        // It changes soon.
        return Ok(snapshot);
    }
    app.recent.snapshots.put(key, snapshot.clone(), app.now());
    Ok(snapshot)
}

async fn read(app: &App, organization: OrganizationId, id_or_name: &str) -> Result<Option<Snapshot>, Error> {
    if let Ok(id) = id_or_name.parse::<SnapshotId>() {
        return Ok(app.store.snapshot(id).await?);
    }
    if id_or_name.is_empty() || id_or_name.len() > super::MAX_NAME_BYTES {
        return Ok(None);
    }
    for owner in [Some(organization), None] {
        if let Some(id) = app.store.snapshot_named(owner, id_or_name).await? {
            return Ok(app.store.snapshot(id).await?);
        }
    }
    Ok(None)
}
