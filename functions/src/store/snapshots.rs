//! Snapshots.

use paddock_model::{
    id::{OpId, OrganizationId, SnapshotId},
    sandbox::Resources,
    snapshot::Snapshot,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store,
    item::{Item, corrupt, key_of, read, write},
    keys::{self, LIST},
    names,
    transaction::{Committed, Expression, Transaction},
};

#[derive(Serialize, Deserialize)]
struct SnapshotItem {
    op: Uuid,
    g1pk: String,
    g1sk: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org: Option<Uuid>,
    name: String,
    image: String,
    size: [u32; 3],
    created: i64,
    updated: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Snapshot,
    Name,
}

fn snapshot(item: Item) -> Result<Snapshot, Error> {
    let key = key_of(&item);
    let id = keys::snapshot_of(&key.pk).ok_or_else(|| corrupt(key.to_string(), "its key names no snapshot"))?;
    let SnapshotItem { op: _, g1pk: _, g1sk: _, org, name, image, size, created, updated } = read(item)?;
    Ok(Snapshot {
        id,
        organization: org.map(OrganizationId),
        name,
        image,
        resources: Resources { cpu: size[0], memory_gib: size[1], disk_gib: size[2] },
        created_at: Timestamp(created),
        updated_at: Timestamp(updated),
    })
}

impl Store {
    /// A snapshot.
    pub async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>, Error> {
        self.get(&keys::snapshot(id)).await?.map(snapshot).transpose()
    }

    /// An organization's own snapshots, or (with none) the general ones.
    pub async fn snapshots_of(&self, owner: Option<OrganizationId>) -> Result<Vec<Snapshot>, Error> {
        let listed = self.index(LIST, &keys::snapshots_of(owner), None, None).await?;
        let keys: Vec<_> = listed.iter().map(key_of).collect();
        self.get_all(&keys).await?.into_iter().map(snapshot).collect()
    }

    /// Writes a snapshot, new or changed; false when another has its name.
    pub async fn put_snapshot(&self, snapshot: &Snapshot) -> Result<bool, Error> {
        let Snapshot { id, organization, name, image, resources, created_at, updated_at } = snapshot.clone();
        let op = OpId::random();
        let (by_name, free) = names::take_snapshot(organization, &name, id, op)?;
        let item = SnapshotItem {
            op: op.0,
            g1pk: keys::snapshots_of(organization),
            g1sk: keys::listed(created_at, id),
            org: organization.map(|id| id.0),
            name,
            image,
            size: [resources.cpu, resources.memory_gib, resources.disk_gib],
            created: created_at.0,
            updated: updated_at.0,
        };
        let mut transaction = Transaction::new(self, op);
        transaction.put(Part::Snapshot, write(&keys::snapshot(id), &item)?, Expression::default())?;
        transaction.put(Part::Name, by_name, free)?;
        Ok(matches!(transaction.commit().await?, Committed::Done))
    }
}
