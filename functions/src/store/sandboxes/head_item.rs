//! The head as an item.

use std::time::Duration;

use paddock_model::{
    access::Actor,
    id::{OpId, OrganizationId, RunnerId},
    lifecycle::{Desired, State},
    quota::Charge,
    sandbox::{Failure, Resources, Sandbox, Timers},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Stored;
use crate::store::{
    Error,
    item::{Item, corrupt, key_of, read, write},
    keys,
};

/// How long a tombstone stays, so that a late `create` cannot revive what was destroyed.
const TOMBSTONE: Duration = Duration::from_secs(3600);

/// Longer reasons are cut: the head stays below 1 KB.
const REASON_CHARS: usize = 160;

#[derive(Serialize, Deserialize)]
struct HeadItem {
    op: Uuid,
    actor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g1sk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g2pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g2sk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g3pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g3sk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pool: Option<String>,
    /// Absent when it is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    region: String,
    state: String,
    desired: String,
    r#gen: u64,
    epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runner: Option<Uuid>,
    seen_gen: u64,
    seen_seq: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    held: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    attempt: u32,
    wished: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    force: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    recoverable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    daemon: Option<String>,
    /// cpu, memory, disk.
    size: [u32; 3],
    charge: [u32; 3],
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_stop: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_archive: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_delete: Option<u64>,
    active: i64,
    created: i64,
    updated: i64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The head as it is written by `op`.
pub(super) fn head_item(sandbox: &Sandbox, op: OpId, actor: &Actor) -> Result<Item, Error> {
    let Sandbox {
        id,
        organization,
        pool,
        name,
        region,
        state,
        desired,
        generation,
        epoch,
        runner,
        seen_generation,
        seen_seq,
        has_container,
        attempt,
        wished_at,
        due,
        force,
        failure,
        daemon_version,
        resources,
        charge,
        timers: Timers { auto_stop, auto_archive, auto_delete },
        last_activity,
        created_at,
        updated_at,
    } = sandbox.clone();
    let listed = list_of(sandbox);
    let (reason, recoverable) = failure.map_or((None, false), |failure| {
        let Failure { reason, recoverable } = failure;
        (Some(reason.chars().take(REASON_CHARS).collect()), recoverable)
    });
    let item = HeadItem {
        op: op.0,
        actor: actor.to_string(),
        g1sk: listed.is_some().then(|| keys::listed(created_at, id)),
        g1pk: listed,
        g2pk: runner.map(keys::owned_by),
        g2sk: runner.map(|_| keys::owned(id, epoch)),
        g3pk: due.map(|_| keys::due_shard_of(id)),
        g3sk: due.map(|due| keys::due_at(due, id)),
        ttl: (state == State::Destroyed).then(|| updated_at.after(TOMBSTONE).0 / 1000),
        org: organization.map(|id| id.0),
        pool,
        name: (name != id.to_string()).then_some(name),
        region,
        state: state.as_str().to_owned(),
        desired: desired.as_str().to_owned(),
        r#gen: generation,
        epoch,
        runner: runner.map(|id| id.0),
        seen_gen: seen_generation,
        seen_seq,
        held: has_container,
        attempt,
        wished: wished_at.0,
        due: due.map(|due| due.0),
        force,
        reason,
        recoverable,
        daemon: daemon_version,
        size: [resources.cpu, resources.memory_gib, resources.disk_gib],
        charge: [charge.cpu, charge.memory_gib, charge.disk_gib],
        auto_stop: auto_stop.map(|after| after.as_secs()),
        auto_archive: auto_archive.map(|after| after.as_secs()),
        auto_delete: auto_delete.map(|after| after.as_secs()),
        active: last_activity.0,
        created: created_at.0,
        updated: updated_at.0,
    };
    write(&keys::head(id), &item)
}

/// A head is listed with its organization, or while unclaimed with its pool, until it is destroyed.
fn list_of(sandbox: &Sandbox) -> Option<String> {
    match (sandbox.organization, &sandbox.pool) {
        _ if sandbox.state == State::Destroyed => None,
        (Some(organization), _) => Some(keys::sandboxes_of(organization)),
        (None, Some(pool)) => Some(keys::unclaimed_of(pool)),
        (None, None) => None,
    }
}

/// The head that an item holds.
pub(super) fn head(item: Item) -> Result<Stored, Error> {
    let key = key_of(&item);
    let bad = |problem: &dyn ToString| corrupt(key.to_string(), problem.to_string());
    let id = keys::sandbox_of(&key.pk).ok_or_else(|| bad(&"its key names no sandbox"))?;
    let HeadItem {
        op,
        actor: _,
        g1pk: _,
        g1sk: _,
        g2pk: _,
        g2sk: _,
        g3pk: _,
        g3sk: _,
        ttl: _,
        org,
        pool,
        name,
        region,
        state,
        desired,
        r#gen,
        epoch,
        runner,
        seen_gen,
        seen_seq,
        held,
        attempt,
        wished,
        due,
        force,
        reason,
        recoverable,
        daemon,
        size,
        charge,
        auto_stop,
        auto_archive,
        auto_delete,
        active,
        created,
        updated,
    } = read(item)?;
    let sandbox = Sandbox {
        id,
        organization: org.map(OrganizationId),
        pool,
        name: name.unwrap_or_else(|| id.to_string()),
        region,
        state: state.parse::<State>().map_err(|problem| bad(&problem))?,
        desired: desired.parse::<Desired>().map_err(|problem| bad(&problem))?,
        generation: r#gen,
        epoch,
        runner: runner.map(RunnerId),
        seen_generation: seen_gen,
        seen_seq,
        has_container: held,
        attempt,
        wished_at: Timestamp(wished),
        due: due.map(Timestamp),
        force,
        failure: reason.map(|reason| Failure { reason, recoverable }),
        daemon_version: daemon,
        resources: Resources { cpu: size[0], memory_gib: size[1], disk_gib: size[2] },
        charge: Charge { cpu: charge[0], memory_gib: charge[1], disk_gib: charge[2] },
        timers: Timers {
            auto_stop: auto_stop.map(Duration::from_secs),
            auto_archive: auto_archive.map(Duration::from_secs),
            auto_delete: auto_delete.map(Duration::from_secs),
        },
        last_activity: Timestamp(active),
        created_at: Timestamp(created),
        updated_at: Timestamp(updated),
    };
    Ok(Stored { sandbox, op: OpId(op) })
}

/// The head in a stream record's image; none when the item is something else.
pub fn from_stream(item: Item) -> Result<Option<Stored>, Error> {
    let key = key_of(&item);
    if keys::sandbox_of(&key.pk).is_none() || key.sk != "H" {
        return Ok(None);
    }
    head(item).map(Some)
}

#[cfg(test)]
mod tests {
    use paddock_model::id::SandboxId;

    use super::*;
    use crate::store::item::Item;

    fn largest() -> Sandbox {
        let now = Timestamp(1_790_000_000_000);
        Sandbox {
            id: SandboxId::random(),
            organization: Some(OrganizationId::random()),
            pool: Some(format!("{}.local.0123abcd", Uuid::new_v4())),
            name: "n".repeat(63),
            region: "eu-central-1".into(),
            state: State::BuildingSnapshot,
            desired: Desired::Destroyed,
            generation: 1_000_000,
            epoch: 1_000,
            runner: Some(RunnerId::random()),
            seen_generation: 1_000_000,
            seen_seq: 1_000_000,
            has_container: true,
            attempt: 5,
            wished_at: now,
            due: Some(now),
            force: true,
            failure: None,
            daemon_version: Some("0.100.0".into()),
            resources: Resources { cpu: 64, memory_gib: 256, disk_gib: 1000 },
            charge: Charge { cpu: 64, memory_gib: 256, disk_gib: 1000 },
            timers: Timers {
                auto_stop: Some(Duration::from_secs(900)),
                auto_archive: Some(Duration::from_secs(604_800)),
                auto_delete: Some(Duration::ZERO),
            },
            last_activity: now,
            created_at: now,
            updated_at: now,
        }
    }

    /// DynamoDB's measure, near enough: names and texts by bytes, a number one byte per two digits and one more.
    fn size(item: &Item) -> usize {
        let value = |value: &aws_sdk_dynamodb::types::AttributeValue| match value {
            aws_sdk_dynamodb::types::AttributeValue::S(text) => text.len(),
            aws_sdk_dynamodb::types::AttributeValue::N(digits) => digits.len() / 2 + 1,
            aws_sdk_dynamodb::types::AttributeValue::L(list) => 3 + 4 * list.len(),
            _ => 1,
        };
        item.iter().map(|(name, it)| name.len() + value(it)).sum()
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let (sandbox, op) = (largest(), OpId::random());
        let item = head_item(&sandbox, op, &Actor::Sweep).unwrap();
        assert_eq!(head(item).unwrap(), Stored { sandbox, op });
    }

    #[test]
    fn even_a_large_head_is_below_one_kilobyte() {
        let item = head_item(&largest(), OpId::random(), &Actor::Runner(RunnerId::random())).unwrap();
        assert!(size(&item) <= 1024, "{} bytes", size(&item));
        let mut failed = largest();
        failed.state = State::Error;
        failed.due = None;
        failed.pool = None;
        failed.failure = Some(Failure { reason: "r".repeat(1000), recoverable: true });
        let item = head_item(&failed, OpId::random(), &Actor::Sweep).unwrap();
        assert!(size(&item) <= 1024, "{} bytes", size(&item));
    }

    #[test]
    fn a_destroyed_head_is_in_no_index_and_ends() {
        let mut destroyed = largest();
        (destroyed.state, destroyed.runner, destroyed.due) = (State::Destroyed, None, None);
        let item = head_item(&destroyed, OpId::random(), &Actor::Sweep).unwrap();
        assert!(!item.keys().any(|name| name.starts_with('g') && name.ends_with('k')));
        assert_eq!(item["ttl"].as_n().unwrap(), &((destroyed.updated_at.0 / 1000) + 3600).to_string());
    }
}
