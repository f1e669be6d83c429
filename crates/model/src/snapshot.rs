//! What sandboxes start from, and the warm pools of it.

use crate::{
    id::{CaptureId, OrganizationId, SandboxId, SnapshotId},
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
    /// Whether sandboxes can be made from it.
    pub state: SnapshotState,
    /// The sandbox it was made of. Its files are the capture of the snapshot's id then, on top of the image.
    pub source: Option<SandboxId>,
    /// Birth.
    pub created_at: Timestamp,
    /// Last write.
    pub updated_at: Timestamp,
}

/// What a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotState {
    /// Sandboxes can be made from it.
    Active,
    /// The files of its sandbox are being captured.
    Snapshotting,
    /// They could not be, for this reason.
    Failed(String),
}

impl Snapshot {
    /// The first files of a sandbox made from it, beside its image.
    pub fn base(&self) -> Option<CaptureId> {
        self.source.map(|_| CaptureId(self.id.0))
    }
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
