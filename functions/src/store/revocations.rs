//! The revocation feed: what stopped being allowed, by minute. Written in the transaction that revokes, read by every
//! edge every two seconds.

use paddock_model::{entropy, id::SandboxId, time::Timestamp};
use paddock_wire::agents::{Revocation, Revoked};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{
    Error, Store,
    item::{Item, key_of, read, write},
    keys,
    transaction::Expression,
};

/// How long entries stay; grants live five minutes.
pub const KEPT_SECONDS: i64 = 3600;

#[derive(Serialize, Deserialize)]
struct RevocationItem {
    ttl: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sandbox: Option<uuid::Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

pub(super) fn of_sandbox(id: SandboxId, now: Timestamp) -> Result<(Item, Expression), Error> {
    entry(now, Some(id), None)
}

pub(super) fn of_credential(sha256: &str, now: Timestamp) -> Result<(Item, Expression), Error> {
    entry(now, None, Some(sha256.to_owned()))
}

fn entry(now: Timestamp, sandbox: Option<SandboxId>, credential: Option<String>) -> Result<(Item, Expression), Error> {
    let millis = u64::try_from(now.0).unwrap_or(0);
    let ulid = Ulid::from_parts(millis, entropy::uuid().as_u128());
    let shard = u32::try_from(entropy::below(keys::REVOCATION_SHARDS.into())).unwrap_or_default();
    let key = keys::revocation(minute(now), shard, &ulid.to_string());
    let item = RevocationItem { ttl: now.0 / 1000 + KEPT_SECONDS, sandbox: sandbox.map(|id| id.0), credential };
    Ok((write(&key, &item)?, Expression::default()))
}

fn minute(at: Timestamp) -> i64 {
    at.0.div_euclid(60_000)
}

impl Store {
    /// Entries made since then, oldest first.
    pub async fn revocations(&self, since: Timestamp, now: Timestamp) -> Result<Vec<Revocation>, Error> {
        let partitions = (minute(since)..=minute(now))
            .flat_map(|minute| (0..keys::REVOCATION_SHARDS).map(move |shard| keys::revocations(minute, shard)));
        let reads = partitions.map(|pk| async move { self.partition(&pk, "").await });
        let items = futures::future::try_join_all(reads).await?.into_iter().flatten();
        let first = Ulid::from_parts(u64::try_from(since.0).unwrap_or(0), 0).to_string();
        let mut entries = Vec::new();
        for item in items {
            let id = key_of(&item).sk;
            if id < first {
                continue;
            }
            let RevocationItem { ttl: _, sandbox, credential } = read(item)?;
            let what = match (sandbox, credential) {
                (Some(sandbox_id), _) => Revoked::Sandbox { sandbox_id },
                (None, Some(sha256)) => Revoked::Credential { sha256 },
                (None, None) => continue,
            };
            entries.push(Revocation { id, what });
        }
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(entries)
    }
}
