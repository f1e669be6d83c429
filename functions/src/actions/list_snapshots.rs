//! All snapshots that an organization may use.

use paddock_model::{id::OrganizationId, snapshot::Snapshot};

use super::Error;
use crate::app::App;

/// Its own and the general ones, newest first.
pub async fn run(app: &App, organization: OrganizationId) -> Result<Vec<Snapshot>, Error> {
    let mut found = app.store.snapshots_of(Some(organization)).await?;
    found.extend(app.store.snapshots_of(None).await?);
    found.sort_by_key(|snapshot| std::cmp::Reverse((snapshot.created_at, snapshot.id)));
    Ok(found)
}
