//! The head as an item.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paddock_model::{
    access::Actor,
    id::{CaptureId, OpId, OrganizationId, RunnerId, SandboxId},
    lifecycle::{Desired, State},
    quota::Charge,
    sandbox::{Capture, Failure, Files, Kept, Purpose, Resources, Sandbox, Timers},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Stored;
use crate::store::{
    Error,
    item::{Item, corrupt, key_of, number, read, text, write},
    keys::{self, DUE, Index, LIST, OWNED},
};

/// How long a tombstone stays, so that a late `create` cannot revive what was destroyed.
const TOMBSTONE: Duration = Duration::from_secs(3600);

/// How long a sandbox that found no room in time can still be read (control-plane-sandbox §2).
const TOLD: Duration = Duration::from_secs(24 * 3600);

/// Name and reason share this, so that the head stays below 1 KB: a reason is cut to what its sandbox's name leaves.
const NAME_AND_REASON_BYTES: usize = 320;

/// Longer versions of daemons are cut.
const DAEMON_BYTES: usize = 16;

#[derive(Serialize, Deserialize)]
struct HeadItem {
    op: Uuid,
    actor: String,
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
    #[serde(default)]
    spec: u64,
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
    /// Absent when the owner got the wish at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    placed: Option<i64>,
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
    /// Seconds until auto-stop, auto-archive, auto-delete.
    timers: [Option<u64>; 3],
    /// Seconds until auto-pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause: Option<u64>,
    /// When its life ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<i64>,
    /// Seconds it may queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    timed_out: bool,
    /// cpu, memory, disk before the resize under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<[u32; 3]>,
    #[serde(default, skip_serializing_if = "is_default")]
    files: FilesItem,
    active: i64,
    created: i64,
    updated: i64,
}

/// Where its files are. Ids as 22 characters: the head has to stay below 1 KB.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct FilesItem {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    stale: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capture: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    failed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    forked: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The head as it is written by its `op`.
#[expect(clippy::too_many_lines, reason = "one line per field, twice")]
pub(super) fn head_item(stored: &Stored, actor: &Actor) -> Result<Item, Error> {
    let Stored { sandbox, op, spec_generation } = stored;
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
        placed_at,
        due,
        force,
        failure,
        daemon_version,
        resources,
        charge,
        resized_from,
        files,
        queue_timed_out,
        timers: Timers { auto_stop, auto_pause, auto_archive, auto_delete, destroy_at, queue },
        last_activity,
        created_at,
        updated_at,
    } = sandbox.clone();
    let (reason, recoverable) = reason_of(failure, &name);
    let item = HeadItem {
        op: op.0,
        actor: actor.to_string(),
        org: organization.map(|id| id.0),
        pool,
        name: (name != id.to_string()).then_some(name),
        region,
        state: state.as_str().to_owned(),
        desired: desired.as_str().to_owned(),
        r#gen: generation,
        spec: *spec_generation,
        epoch,
        runner: runner.map(|id| id.0),
        seen_gen: seen_generation,
        seen_seq,
        held: has_container,
        attempt,
        wished: wished_at.0,
        placed: (placed_at != wished_at).then_some(placed_at.0),
        due: due.map(|due| due.0),
        force,
        reason,
        recoverable,
        daemon: daemon_version.map(|version| cut(&version, DAEMON_BYTES)),
        size: [resources.cpu, resources.memory_gib, resources.disk_gib],
        charge: [charge.cpu, charge.memory_gib, charge.disk_gib],
        timers: [auto_stop, auto_archive, auto_delete].map(|after| after.map(|after| after.as_secs())),
        pause: auto_pause.map(|idle| idle.as_secs()),
        ends: destroy_at.map(|end| end.0),
        queue: queue.map(|queue| queue.as_secs()),
        timed_out: queue_timed_out,
        was: resized_from.map(|was| [was.cpu, was.memory_gib, was.disk_gib]),
        files: files_item(files),
        active: last_activity.0,
        created: created_at.0,
        updated: updated_at.0,
    };
    let mut item = write(&keys::head(id), &item)?;
    item.extend(index_keys(sandbox));
    Ok(item)
}

/// Where the head is found: indexes are sparse, so what is absent here is absent there.
fn index_keys(sandbox: &Sandbox) -> Item {
    let mut keys = Item::new();
    let mut put = |index: Index, pk: String, sk: String| {
        keys.insert(index.pk.to_owned(), text(pk));
        keys.insert(index.sk.to_owned(), text(sk));
    };
    if let Some(list) = list_of(sandbox) {
        put(LIST, list, keys::listed(sandbox.created_at, sandbox.id));
    }
    if let Some(runner) = sandbox.runner {
        put(OWNED, keys::owned_by(runner), keys::owned(sandbox.id, sandbox.epoch));
    }
    if let Some(due) = sandbox.due {
        put(DUE, keys::due_shard_of(sandbox.id.0), keys::due_at(due, sandbox.id));
    }
    if sandbox.state == State::Destroyed {
        keys.insert("ttl".to_owned(), number(gone_at(sandbox).0 / 1000));
    }
    keys
}

/// When nothing of a destroyed sandbox is known any more.
pub(super) fn gone_at(sandbox: &Sandbox) -> Timestamp {
    sandbox.updated_at.after(if sandbox.queue_timed_out { TOLD } else { TOMBSTONE })
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
#[expect(clippy::too_many_lines, reason = "one line per field, twice")]
pub(super) fn head(item: Item) -> Result<Stored, Error> {
    let key = key_of(&item);
    let bad = |problem: &dyn ToString| corrupt(key.to_string(), problem.to_string());
    let id = keys::sandbox_of(&key.pk).ok_or_else(|| bad(&"its key names no sandbox"))?;
    let HeadItem {
        op,
        actor: _,
        org,
        pool,
        name,
        region,
        state,
        desired,
        r#gen,
        spec,
        epoch,
        runner,
        seen_gen,
        seen_seq,
        held,
        attempt,
        wished,
        placed,
        due,
        force,
        reason,
        recoverable,
        daemon,
        size,
        charge,
        timers: item_timers,
        pause,
        ends,
        queue,
        timed_out,
        was,
        files: item_files,
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
        placed_at: Timestamp(placed.unwrap_or(wished)),
        due: due.map(Timestamp),
        force,
        failure: reason.map(|reason| Failure { reason, recoverable }),
        daemon_version: daemon,
        resources: Resources { cpu: size[0], memory_gib: size[1], disk_gib: size[2] },
        charge: Charge { cpu: charge[0], memory_gib: charge[1], disk_gib: charge[2] },
        resized_from: was.map(|[cpu, memory_gib, disk_gib]| Resources { cpu, memory_gib, disk_gib }),
        files: files(item_files).ok_or_else(|| bad(&"its files do not read"))?,
        queue_timed_out: timed_out,
        timers: Timers {
            auto_pause: pause.map(Duration::from_secs),
            destroy_at: ends.map(Timestamp),
            queue: queue.map(Duration::from_secs),
            ..timers(item_timers)
        },
        last_activity: Timestamp(active),
        created_at: Timestamp(created),
        updated_at: Timestamp(updated),
    };
    Ok(Stored { sandbox, op: OpId(op), spec_generation: spec })
}

fn reason_of(failure: Option<Failure>, name: &str) -> (Option<String>, bool) {
    failure.map_or((None, false), |Failure { reason, recoverable }| {
        (Some(cut(&reason, NAME_AND_REASON_BYTES.saturating_sub(name.len()))), recoverable)
    })
}

/// By bytes, which is what items are measured in, and between characters.
fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

fn timers(seconds: [Option<u64>; 3]) -> Timers {
    let [auto_stop, auto_archive, auto_delete] = seconds.map(|after| after.map(Duration::from_secs));
    Timers { auto_stop, auto_archive, auto_delete, ..Timers::default() }
}

fn files_item(files: Files) -> FilesItem {
    let Files { base, kept, capture, failed, parent, forked } = files;
    FilesItem {
        base: base.map(|id| short(id.0)),
        kept: kept.map(|kept| short(kept.id.0)),
        stale: kept.is_some_and(|kept| !kept.fresh),
        capture: capture.map(|capture| short(capture.id.0)),
        purpose: capture.map(|capture| purpose_text(capture.purpose).to_owned()),
        failed,
        parent: parent.map(|id| short(id.0)),
        forked,
    }
}

/// None when something in it does not read.
fn files(item: FilesItem) -> Option<Files> {
    let FilesItem { base, kept, stale, capture, purpose, failed, parent, forked } = item;
    let capture = match (id_of(capture)?, purpose) {
        (Some(id), Some(purpose)) => Some(Capture { id: CaptureId(id), purpose: purpose_of(&purpose)? }),
        (None, None) => None,
        _ => return None,
    };
    Some(Files {
        base: id_of(base)?.map(CaptureId),
        kept: id_of(kept)?.map(|id| Kept { id: CaptureId(id), fresh: !stale }),
        capture,
        failed,
        parent: id_of(parent)?.map(SandboxId),
        forked,
    })
}

fn purpose_text(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Backup => "backup",
        Purpose::Archive => "archive",
        Purpose::Fork => "fork",
        Purpose::Snapshot => "snapshot",
    }
}

fn purpose_of(text: &str) -> Option<Purpose> {
    let all = [Purpose::Backup, Purpose::Archive, Purpose::Fork, Purpose::Snapshot];
    all.into_iter().find(|purpose| purpose_text(*purpose) == text)
}

fn short(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

/// An id that is there must read: none when it does not.
fn id_of(text: Option<String>) -> Option<Option<Uuid>> {
    text.map_or(Some(None), |text| long(&text).map(Some))
}

fn long(text: &str) -> Option<Uuid> {
    Uuid::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
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
    use super::*;
    use crate::store::item::Item;

    /// With the longest name there may be, at its busiest: owned, placed late, and due.
    fn largest() -> Sandbox {
        let now = Timestamp(1_790_000_000_000);
        Sandbox {
            id: SandboxId::random(),
            organization: Some(OrganizationId::random()),
            pool: None,
            name: "n".repeat(255),
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
            placed_at: Timestamp(now.0 + 1),
            due: Some(now),
            force: true,
            failure: None,
            daemon_version: Some("0.100.0".into()),
            resources: Resources { cpu: 64, memory_gib: 256, disk_gib: 1000 },
            charge: Charge { cpu: 64, memory_gib: 256, disk_gib: 1000 },
            timers: Timers {
                auto_stop: Some(Duration::from_secs(900)),
                auto_archive: Some(Duration::from_secs(604_800)),
                auto_delete: Some(Duration::from_secs(604_800)),
                destroy_at: Some(now),
                ..Timers::default()
            },
            resized_from: None,
            files: Files {
                base: Some(CaptureId::random()),
                kept: Some(Kept { id: CaptureId::random(), fresh: false }),
                capture: Some(Capture { id: CaptureId::random(), purpose: Purpose::Snapshot }),
                failed: false,
                parent: Some(SandboxId::random()),
                forked: true,
            },
            queue_timed_out: false,
            last_activity: now,
            created_at: now,
            updated_at: now,
        }
    }

    fn item_of(sandbox: &Sandbox) -> Item {
        let spec_generation = sandbox.generation;
        let stored = Stored { sandbox: sandbox.clone(), op: OpId::random(), spec_generation };
        head_item(&stored, &Actor::Runner(RunnerId::random())).unwrap()
    }

    /// DynamoDB's measure, near enough: names and texts by bytes, a number one byte per two digits and one more.
    fn size(item: &Item) -> usize {
        let value = |value: &aws_sdk_dynamodb::types::AttributeValue| match value {
            aws_sdk_dynamodb::types::AttributeValue::S(text) => text.len(),
            aws_sdk_dynamodb::types::AttributeValue::N(digits) => digits.len() / 2 + 1,
            aws_sdk_dynamodb::types::AttributeValue::L(list) => 3 + 4 * list.len(),
            aws_sdk_dynamodb::types::AttributeValue::M(map) => {
                3 + map.iter().map(|(name, it)| name.len() + 1 + it.as_s().map_or(1, String::len)).sum::<usize>()
            }
            _ => 1,
        };
        item.iter().map(|(name, it)| name.len() + value(it)).sum()
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let mut pooled = largest();
        pooled.pool = Some("pool".into());
        pooled.placed_at = pooled.wished_at;
        for sandbox in [largest(), pooled] {
            let stored = Stored { sandbox, op: OpId::random(), spec_generation: 7 };
            assert_eq!(head(head_item(&stored, &Actor::Sweep).unwrap()).unwrap(), stored);
        }
    }

    #[test]
    fn a_head_of_an_earlier_version_is_read() {
        let mut item = item_of(&largest());
        item.remove("spec");
        item.remove("placed");
        let read = head(item).unwrap();
        assert_eq!((read.spec_generation, read.sandbox.placed_at), (0, read.sandbox.wished_at));
    }

    /// A second kilobyte costs a second write unit and nothing else. Only what is rare may take it: a capture or a past
    /// as a fork with a long name, a backup with one of more than 220 bytes.
    #[test]
    fn even_the_largest_head_is_below_one_kilobyte() {
        // Claimed, and its owner has not applied the claim: one of few wishes old, and placed before.
        let mut claimed = largest();
        claimed.pool = Some(format!("{}.eu-central-1.0123abcd", Uuid::new_v4()));
        (claimed.state, claimed.desired, claimed.placed_at) = (State::Stopping, Desired::Stopped, claimed.wished_at);
        (claimed.generation, claimed.seen_generation, claimed.seen_seq, claimed.epoch) = (3, 1, 1_000, 1);
        claimed.files = Files::default();
        let mut failed = largest();
        (failed.state, failed.due, failed.files.capture) = (State::BuildFailed, None, None);
        failed.failure = Some(Failure { reason: "ü".repeat(1000), recoverable: true });
        failed.daemon_version = Some("9".repeat(1000));
        let mut plain = largest();
        plain.name = "n".repeat(220);
        (plain.files.capture, plain.files.base, plain.files.parent, plain.files.forked) = (None, None, None, false);
        let mut fork = largest();
        fork.name = "n".repeat(100);
        failed.files = Files::default();
        for sandbox in [plain, fork, claimed, failed] {
            let bytes = size(&item_of(&sandbox));
            assert!(bytes <= 1024, "{bytes} bytes: {sandbox:?}");
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters_and_long_where_the_name_is_short() {
        let mut failed = largest();
        failed.state = State::Error;
        failed.failure = Some(Failure { reason: "ü".repeat(1000), recoverable: true });
        let reason = |sandbox: &Sandbox| head(item_of(sandbox)).unwrap().sandbox.failure.unwrap().reason;
        assert_eq!(reason(&failed), "ü".repeat((NAME_AND_REASON_BYTES - 255) / 2));
        failed.name = failed.id.to_string();
        assert_eq!(reason(&failed), "ü".repeat((NAME_AND_REASON_BYTES - 36) / 2));
    }

    #[test]
    fn a_destroyed_head_is_in_no_index_and_ends() {
        let mut destroyed = largest();
        (destroyed.state, destroyed.runner, destroyed.due) = (State::Destroyed, None, None);
        let item = item_of(&destroyed);
        assert!(!item.keys().any(|name| name.starts_with('g') && name.ends_with('k')));
        assert_eq!(item["ttl"].as_n().unwrap(), &((destroyed.updated_at.0 / 1000) + 3600).to_string());
    }
}
