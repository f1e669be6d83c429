//! Unique names: an item whose key is the name, put only if absent.

use paddock_model::id::{OpId, OrganizationId, SandboxId, SnapshotId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store,
    item::{Item, read, text, write},
    keys,
    transaction::Expression,
};

#[derive(Serialize, Deserialize)]
struct NameItem {
    op: Uuid,
    /// What is called so.
    id: Uuid,
}

/// Takes a sandbox name, if it is free.
pub(super) fn take(
    organization: OrganizationId,
    name: &str,
    id: SandboxId,
    op: OpId,
) -> Result<(Item, Expression), Error> {
    let item = write(&keys::sandbox_name(organization, name), &NameItem { op: op.0, id: id.0 })?;
    Ok((item, absent()))
}

/// Takes a snapshot name, if it is free or this snapshot's already.
pub(super) fn take_snapshot(
    owner: Option<OrganizationId>,
    name: &str,
    id: SnapshotId,
    op: OpId,
) -> Result<(Item, Expression), Error> {
    let item = write(&keys::snapshot_name(owner, name), &NameItem { op: op.0, id: id.0 })?;
    let when = Expression {
        condition: Some("attribute_not_exists(pk) OR id = :id".to_owned()),
        values: [(":id".to_owned(), text(id))].into(),
        ..Default::default()
    };
    Ok((item, when))
}

/// A name is freed only by what holds it; freed already is fine.
pub(super) fn free(id: impl ToString) -> Expression {
    Expression {
        condition: Some("attribute_not_exists(pk) OR id = :id".to_owned()),
        values: [(":id".to_owned(), text(id))].into(),
        ..Default::default()
    }
}

pub(super) fn absent() -> Expression {
    Expression { condition: Some("attribute_not_exists(pk)".to_owned()), ..Default::default() }
}

impl Store {
    /// The sandbox of that name.
    pub async fn sandbox_named(&self, organization: OrganizationId, name: &str) -> Result<Option<SandboxId>, Error> {
        Ok(self.named(&keys::sandbox_name(organization, name)).await?.map(SandboxId))
    }

    /// The snapshot of that name, the organization's own or (with none) a general one.
    pub async fn snapshot_named(&self, owner: Option<OrganizationId>, name: &str) -> Result<Option<SnapshotId>, Error> {
        Ok(self.named(&keys::snapshot_name(owner, name)).await?.map(SnapshotId))
    }

    async fn named(&self, key: &keys::Key) -> Result<Option<Uuid>, Error> {
        let Some(item) = self.get(key).await? else { return Ok(None) };
        let NameItem { op: _, id } = read(item)?;
        Ok(Some(id))
    }
}
