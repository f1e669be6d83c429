//! Every key of every item and index (design §5). Nothing else builds or takes apart a key.

use std::{collections::HashMap, fmt};

use aws_sdk_dynamodb::types::AttributeValue;
use paddock_model::{
    id::{CaptureId, OpId, OrganizationId, RunnerId, SandboxId, SnapshotId, UserId},
    sandbox::Sandbox,
    time::Timestamp,
};
use uuid::Uuid;

/// Partitions of the due index: the sweep walks them all.
pub const DUE_SHARDS: u32 = 16;

/// Partitions of the revocation feed in each minute.
pub const REVOCATION_SHARDS: u32 = 4;

/// Address of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Partition.
    pub pk: String,
    /// Place in it.
    pub sk: String,
}

/// A secondary index: sparse, keys only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Its partition attribute.
    pub pk: &'static str,
    /// Its sort attribute.
    pub sk: &'static str,
}

/// Lists: of an organization, a pool, a region's runners, a scope's snapshots, all pools.
pub const LIST: Index = Index { name: "gsi1", pk: "g1pk", sk: "g1sk" };
/// What a runner owns.
pub const OWNED: Index = Index { name: "gsi2", pk: "g2pk", sk: "g2sk" };
/// What is due.
pub const DUE: Index = Index { name: "gsi3", pk: "g3pk", sk: "g3sk" };

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// As DynamoDB takes it.
    pub fn item(&self) -> HashMap<String, AttributeValue> {
        [("pk", &self.pk), ("sk", &self.sk)]
            .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.clone())))
            .into()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

// Items.

pub fn head(id: SandboxId) -> Key {
    Key::new(format!("S#{id}"), "H")
}

pub fn spec(id: SandboxId) -> Key {
    Key::new(format!("S#{id}"), "P")
}

/// One write of a head. The counters order what placements, wishes and reports made, the time what else happened under
/// the same counters; the `op` keeps two writes of one moment apart.
pub fn history(head: &Sandbox, op: OpId) -> Key {
    let Sandbox { id, epoch, generation, seen_seq, updated_at, .. } = head;
    let at = updated_at.0;
    Key::new(format!("S#{id}"), format!("T#{epoch:08}#{generation:08}#{seen_seq:010}#{at:013}#{op}"))
}

/// A fork of a sandbox. It sorts behind head and specification, which are read together.
pub fn child(parent: SandboxId, child: SandboxId) -> Key {
    Key::new(format!("S#{parent}"), format!("{CHILDREN}{child}"))
}

/// What the sort keys of a sandbox's forks begin with.
pub const CHILDREN: &str = "Y#";

pub fn child_of(sk: &str) -> Option<SandboxId> {
    sk.strip_prefix(CHILDREN)?.parse().ok()
}

/// What is known of a capture of a sandbox's files: the manifest.
pub fn capture(id: CaptureId) -> Key {
    Key::new(format!("M#{id}"), "M")
}

pub fn capture_of(pk: &str) -> Option<CaptureId> {
    pk.strip_prefix("M#")?.parse().ok()
}

/// The sandbox of a head's or specification's partition key.
pub fn sandbox_of(pk: &str) -> Option<SandboxId> {
    pk.strip_prefix("S#")?.parse().ok()
}

pub fn sandbox_name(organization: OrganizationId, name: &str) -> Key {
    Key::new(format!("N#{organization}#sandbox#{name}"), "N")
}

pub fn snapshot_name(owner: Option<OrganizationId>, name: &str) -> Key {
    Key::new(format!("N#{}#snapshot#{name}", scope(owner)), "N")
}

pub fn quota(organization: OrganizationId, region: &str, shard: u32) -> Key {
    Key::new(format!("Q#{organization}#{region}#{shard}"), "Q")
}

pub fn organization(id: OrganizationId) -> Key {
    Key::new(format!("O#{id}"), "H")
}

pub fn member(organization: OrganizationId, user: &UserId) -> Key {
    Key::new(format!("O#{organization}"), format!("M#{user}"))
}

/// A user's key by its name; the name is last, because it may hold anything.
pub fn api_key_name(organization: OrganizationId, user: &UserId, name: &str) -> Key {
    Key::new(format!("O#{organization}"), format!("{}{name}", api_key_names(user)))
}

/// What the sort keys of a user's key names begin with. The user id is hashed: it may hold any separator.
pub fn api_key_names(user: &UserId) -> String {
    format!("K#{}#", crate::seal::sha256_hex(&user.0))
}

pub fn api_key(sha256: &str) -> Key {
    Key::new(format!("K#{sha256}"), "K")
}

pub fn runner(id: RunnerId) -> Key {
    Key::new(format!("W#{id}"), "H")
}

pub fn load(id: RunnerId) -> Key {
    Key::new(format!("W#{id}"), "L")
}

pub fn runner_of(pk: &str) -> Option<RunnerId> {
    pk.strip_prefix("W#")?.parse().ok()
}

/// Whose runners a region's are.
pub fn region(region: &str) -> Key {
    Key::new(format!("Z#{region}"), "Z")
}

pub fn snapshot(id: SnapshotId) -> Key {
    Key::new(format!("I#{id}"), "H")
}

pub fn snapshot_of(pk: &str) -> Option<SnapshotId> {
    pk.strip_prefix("I#")?.parse().ok()
}

pub fn pool(id: &str) -> Key {
    Key::new(format!("P#{id}"), "P")
}

pub fn pool_of(pk: &str) -> Option<String> {
    pk.strip_prefix("P#").map(str::to_owned)
}

/// Entries of the feed: a partition per minute and shard, sorted by ULID.
pub fn revocations(minute: i64, shard: u32) -> String {
    format!("X#{minute}#{shard}")
}

pub fn revocation(minute: i64, shard: u32, ulid: &str) -> Key {
    Key::new(revocations(minute, shard), ulid)
}

pub fn rate(who: &str, class: &str, window: i64) -> Key {
    Key::new(format!("R#{who}#{class}#{window}"), "0")
}

// Index partitions and sort keys.

/// An organization's sandboxes. One shard until an organization outgrows a partition.
pub fn sandboxes_of(organization: OrganizationId) -> String {
    format!("L#{organization}#0")
}

/// A pool's unclaimed sandboxes. One shard until a pool outgrows a partition.
pub fn unclaimed_of(pool: &str) -> String {
    format!("L#pool:{pool}#0")
}

pub fn runners_in(region: &str) -> String {
    format!("L#runner:{region}")
}

pub fn snapshots_of(owner: Option<OrganizationId>) -> String {
    format!("L#snapshot:{}", scope(owner))
}

pub fn pools() -> String {
    "L#pools".to_owned()
}

pub fn listed(created_at: Timestamp, id: impl fmt::Display) -> String {
    format!("{:013}#{id}", created_at.0)
}

pub fn owned_by(runner: RunnerId) -> String {
    format!("W#{runner}")
}

/// The epoch stands in the sort key, so that a runner's inventory digest can be computed from the index alone.
pub fn owned(id: SandboxId, epoch: u64) -> String {
    format!("{id}#{epoch}")
}

pub fn owned_parts(sk: &str) -> Option<(SandboxId, u64)> {
    let (id, epoch) = sk.split_once('#')?;
    Some((id.parse().ok()?, epoch.parse().ok()?))
}

pub fn due_shard(shard: u32) -> String {
    format!("D#{shard}")
}

/// Where a sandbox is found when due. The identifier is random, so its first bytes spread well.
pub fn due_shard_of(id: Uuid) -> String {
    let [a, b, ..] = *id.as_bytes();
    due_shard(u32::from(u16::from_be_bytes([a, b])) % DUE_SHARDS)
}

pub fn due_at(due: Timestamp, id: impl fmt::Display) -> String {
    format!("{:013}#{id}", due.0)
}

/// Greater than every sort key of that instant.
pub fn due_until(until: Timestamp) -> String {
    format!("{:013}$", until.0)
}

/// When; what is said by the item's own key.
pub fn due_time(sk: &str) -> Option<Timestamp> {
    let (due, _) = sk.split_once('#')?;
    Some(Timestamp(due.parse().ok()?))
}

fn scope(owner: Option<OrganizationId>) -> String {
    owner.map_or_else(|| "general".to_owned(), |id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_taken_apart() {
        let (id, runner) = (SandboxId::random(), RunnerId::random());
        assert_eq!(sandbox_of(&head(id).pk), Some(id));
        assert_eq!(owned_parts(&owned(id, 7)), Some((id, 7)));
        assert_eq!(due_time(&due_at(Timestamp(5), id)), Some(Timestamp(5)));
        assert_eq!(child_of(&child(id, id).sk), Some(id));
        assert_eq!(runner_of(&owned_by(runner)), Some(runner));
    }

    #[test]
    fn due_until_takes_all_of_its_instant_and_nothing_later() {
        let id = SandboxId(uuid::Uuid::max());
        assert!(due_at(Timestamp(5), id) < due_until(Timestamp(5)));
        assert!(due_until(Timestamp(5)) < due_at(Timestamp(6), SandboxId(uuid::Uuid::nil())));
    }

    #[test]
    fn no_user_and_key_name_collide_with_another_pair() {
        let org = OrganizationId::random();
        let (a, b) = (UserId("u#1".into()), UserId("u".into()));
        assert_ne!(api_key_name(org, &a, "k"), api_key_name(org, &b, "1#k"));
    }
}
