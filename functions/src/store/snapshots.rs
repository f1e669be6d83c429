//! Snapshots.

use paddock_model::{
    id::{OpId, OrganizationId, SandboxId, SnapshotId},
    sandbox::Resources,
    snapshot::{Snapshot, SnapshotState},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store, captures,
    item::{Item, corrupt, key_of, number, read, text, write},
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
    /// Absent when it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The sandbox it is made of; its files are the capture of the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Uuid>,
    created: i64,
    updated: i64,
}

/// How a snapshot of a sandbox ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its files are there.
    Active,
    /// They could not be captured.
    Failed(String),
}

impl Ending {
    pub(super) fn expression(self, now: Timestamp, op: OpId) -> Expression {
        let mut values: Item = [(":op".to_owned(), text(op)), (":now".to_owned(), number(now.0))].into();
        let update = match self {
            Ending::Active => "SET op = :op, updated = :now REMOVE #state",
            Ending::Failed(reason) => {
                values.insert(":error".to_owned(), text(ERROR));
                values.insert(":reason".to_owned(), text(reason));
                "SET op = :op, updated = :now, #state = :error, reason = :reason"
            }
        };
        Expression {
            update: Some(update.into()),
            // One that was deleted meanwhile stays deleted, and what was captured for it is named by nobody.
            condition: Some("attribute_exists(pk)".to_owned()),
            names: vec![("#state", "state")],
            values,
        }
    }
}

const SNAPSHOTTING: &str = "snapshotting";
const ERROR: &str = "error";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Snapshot,
    Name,
    Files,
}

fn snapshot(item: Item) -> Result<Snapshot, Error> {
    let key = key_of(&item);
    let id = keys::snapshot_of(&key.pk).ok_or_else(|| corrupt(key.to_string(), "its key names no snapshot"))?;
    let SnapshotItem { op: _, g1pk: _, g1sk: _, org, name, image, size, state, reason, source, created, updated } =
        read(item)?;
    let state = match state.as_deref() {
        None => SnapshotState::Active,
        Some(SNAPSHOTTING) => SnapshotState::Snapshotting,
        Some(_) => SnapshotState::Failed(reason.unwrap_or_default()),
    };
    Ok(Snapshot {
        id,
        organization: org.map(OrganizationId),
        name,
        image,
        resources: Resources { cpu: size[0], memory_gib: size[1], disk_gib: size[2] },
        state,
        source: source.map(SandboxId),
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

    /// Deletes a snapshot and frees its name.
    pub async fn delete_snapshot(&self, snapshot: &Snapshot, now: Timestamp) -> Result<(), Error> {
        let Snapshot { id, organization, name, state, .. } = snapshot;
        let op = OpId::random();
        let mut transaction = Transaction::new(self, op);
        if let Some(files) = snapshot.base().filter(|_| *state == SnapshotState::Active) {
            transaction.update(Part::Files, &keys::capture(files), captures::unname(files, now, op))?;
        }
        // Deleted already: its files were unnamed then.
        let there = Expression { condition: Some("attribute_exists(pk)".to_owned()), ..Expression::default() };
        transaction.delete(Part::Snapshot, &keys::snapshot(*id), there)?;
        transaction.delete(Part::Name, &keys::snapshot_name(*organization, name), names::free(*id))?;
        transaction.commit().await?;
        Ok(())
    }

    /// Writes a snapshot, new or changed; false when another has its name.
    pub async fn put_snapshot(&self, snapshot: &Snapshot) -> Result<bool, Error> {
        let Snapshot { id, organization, name, image, resources, state, source, created_at, updated_at } =
            snapshot.clone();
        let (state, reason) = match state {
            SnapshotState::Active => (None, None),
            SnapshotState::Snapshotting => (Some(SNAPSHOTTING.to_owned()), None),
            SnapshotState::Failed(reason) => (Some(ERROR.to_owned()), Some(reason)),
        };
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
            state,
            reason,
            source: source.map(|id| id.0),
            created: created_at.0,
            updated: updated_at.0,
        };
        let mut transaction = Transaction::new(self, op);
        transaction.put(Part::Snapshot, write(&keys::snapshot(id), &item)?, Expression::default())?;
        transaction.put(Part::Name, by_name, free)?;
        Ok(matches!(transaction.commit().await?, Committed::Done))
    }
}
