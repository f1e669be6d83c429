//! Delete a snapshot: its name is free at once, its files when no sandbox began with them.

use paddock_model::{id::OrganizationId, snapshot::SnapshotState};

use super::{Error, find_snapshot};
use crate::app::App;

/// Deletes an own snapshot; general ones are the operator's.
pub async fn run(app: &App, organization: OrganizationId, id_or_name: &str) -> Result<(), Error> {
    let snapshot = find_snapshot::run(app, organization, id_or_name).await?;
    if snapshot.organization != Some(organization) {
        return Err(Error::NotOwn(id_or_name.to_owned()));
    }
    if snapshot.state == SnapshotState::Snapshotting {
        return Err(Error::Invalid(format!("snapshot {id_or_name} is being made")));
    }
    app.recent.snapshots.forget(&(organization, id_or_name.to_owned()));
    app.store.delete_snapshot(&snapshot, app.now()).await?;
    Ok(())
}
