//! What sandboxes start from, and the warm pools of it.

use crate::{
    id::{OrganizationId, SnapshotId},
    sandbox::Resources,
    time::Timestamp,
};

/// An image that sandboxes start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Identity.
    pub id: SnapshotId,
    /// Owner; none = general, usable by every organization.
    pub organization: Option<OrganizationId>,
    /// Unique among its owner's.
    pub name: String,
    /// Image reference as the container engine knows it.
    pub image: String,
    /// Sizes of its sandboxes.
    pub resources: Resources,
    /// Birth.
    pub created_at: Timestamp,
    /// Last write.
    pub updated_at: Timestamp,
}

/// Started sandboxes kept ready for claims: one pool per (snapshot, image, size, region).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its key; see the store.
    pub id: String,
    /// What its sandboxes are made from.
    pub snapshot: SnapshotId,
    /// Where.
    pub region: String,
    /// How many are wanted.
    pub size: u32,
    /// How many places are taken: unclaimed sandboxes, and claimed ones whose owner has not applied the claim yet.
    pub live: u32,
}
