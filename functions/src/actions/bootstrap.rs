//! The first organization, user, API key, snapshot and pool. Repeating it changes only the snapshot's image, the pool
//! and the quota. The very first organization of a region owns it: its members operate the runners.

use paddock_model::{
    access::{ApiKey, Member, Organization, Permission},
    id::{OrganizationId, SnapshotId, UserId},
    quota::Charge,
    sandbox::Resources,
    snapshot::{Snapshot, SnapshotState},
};
use serde::Deserialize;
use uuid::Uuid;

use super::{Error, set_pool};
use crate::app::App;

/// What a deployment begins with.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// The first organization.
    pub organization: FirstOrganization,
    /// Its first user.
    pub user: FirstUser,
    /// His API key; only the hash is told.
    pub api_key: FirstKey,
    /// What sandboxes start from.
    pub snapshot: FirstSnapshot,
    /// How many wait ready.
    pub pool: u32,
    /// What the organization may use.
    pub quota: Sizes,
}

/// An organization.
#[derive(Debug, Clone, Deserialize)]
pub struct FirstOrganization {
    id: Uuid,
    name: String,
}

/// A user.
#[derive(Debug, Clone, Deserialize)]
pub struct FirstUser {
    id: String,
    name: String,
    email: String,
}

/// An API key.
#[derive(Debug, Clone, Deserialize)]
pub struct FirstKey {
    name: String,
    sha256: String,
    prefix: String,
    suffix: String,
}

/// A snapshot.
#[derive(Debug, Clone, Deserialize)]
pub struct FirstSnapshot {
    id: Uuid,
    name: String,
    image: String,
    #[serde(flatten)]
    sizes: Sizes,
}

/// Whole CPUs and GiB.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sizes {
    cpu: u32,
    memory_gib: u32,
    disk_gib: u32,
}

/// Makes what is missing.
pub async fn run(app: &App, bootstrap: Bootstrap) -> Result<(), Error> {
    let Bootstrap { organization, user, api_key, snapshot, pool, quota } = bootstrap;
    let id = OrganizationId(organization.id);
    let now = app.now();
    let default_region = app.config.region.clone();
    let first = Organization { id, name: organization.name, suspended: false, default_region, created_at: now };
    app.store.create_organization(&first).await?;
    app.store.claim_region(&app.config.region, id).await?;
    let member = Member { user: UserId(user.id), name: user.name, email: user.email, created_at: now };
    app.store.add_member(id, &member).await?;
    let limit = Charge { cpu: quota.cpu, memory_gib: quota.memory_gib, disk_gib: quota.disk_gib };
    app.store.set_quota(id, &app.config.region, limit).await?;
    add_key(app, id, member.user, api_key).await?;
    let snapshot = put_snapshot(app, snapshot).await?;
    set_pool::resize(app, &snapshot, pool).await
}

async fn add_key(app: &App, organization: OrganizationId, user: UserId, key: FirstKey) -> Result<(), Error> {
    let FirstKey { name, sha256, prefix, suffix } = key;
    let key = ApiKey {
        sha256: sha256.to_ascii_lowercase(),
        organization,
        user,
        name,
        prefix,
        suffix,
        permissions: Permission::ALL.to_vec(),
        created_at: app.now(),
        last_used_at: None,
        expires_at: None,
    };
    if app.store.create_api_key(&key).await? {
        return Ok(());
    }
    match app.store.api_key_named(organization, &key.user, &key.name).await? {
        Some(known) if known.sha256 == key.sha256 => Ok(()),
        // A new value under the old name: the old one must not go on to work.
        Some(known) => {
            app.store.delete_api_key(&known, app.now()).await?;
            app.store.create_api_key(&key).await?;
            Ok(())
        }
        None => Err(Error::NameTaken { what: "API key", name: key.name }),
    }
}

async fn put_snapshot(app: &App, first: FirstSnapshot) -> Result<Snapshot, Error> {
    let FirstSnapshot { id, name, image, sizes } = first;
    let (id, now) = (SnapshotId(id), app.now());
    let known = app.store.snapshot(id).await?;
    let snapshot = Snapshot {
        state: SnapshotState::Active,
        source: None,
        id,
        organization: None,
        name,
        image,
        resources: Resources { cpu: sizes.cpu, memory_gib: sizes.memory_gib, disk_gib: sizes.disk_gib },
        created_at: known.map_or(now, |known| known.created_at),
        updated_at: now,
    };
    if app.store.put_snapshot(&snapshot).await? {
        Ok(snapshot)
    } else {
        Err(Error::NameTaken { what: "snapshot", name: snapshot.name })
    }
}
