//! Snapshots: images that sandboxes start from.

use paddock_model::sandbox::Resources;
use paddock_model::snapshot::{self as domain, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sandbox::SandboxClass;
use super::timestamp::Timestamp;

/// Answer to `GET /snapshots`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaginatedSnapshots {
    /// One page of them.
    pub items: Vec<SnapshotDto>,
    /// How many there are on all pages.
    pub total: usize,
    /// Which page this is, from 1.
    pub page: usize,
    /// How many pages there are.
    pub total_pages: usize,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotDto {
    /// UUID.
    pub id: String,
    /// The organization that owns it; absent for a general one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Every organization may use it.
    pub general: bool,
    /// Its name.
    pub name: String,
    /// The image it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// What it is.
    pub state: SnapshotState,
    /// GiB; null when unknown.
    #[schema(required = true)]
    pub size: Option<f64>,
    /// What is run first; null = the image's own.
    #[schema(required = true)]
    pub entrypoint: Option<Vec<String>>,
    /// Whole CPUs of a sandbox made from it.
    pub cpu: u32,
    /// GPUs of a sandbox made from it.
    pub gpu: u32,
    /// GiB.
    pub mem: u32,
    /// GiB.
    pub disk: u32,
    /// Why it failed.
    #[schema(required = true)]
    pub error_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When a sandbox was last made from it; null = unknown.
    #[schema(required = true)]
    pub last_used_at: Option<Timestamp>,
    /// Where it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_ids: Option<Vec<String>>,
    /// The image reference that runners know.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// The sandbox that it was made from.
    #[schema(required = true)]
    pub source_sandbox_id: Option<String>,
    /// What kind of machine it makes.
    pub sandbox_class: SandboxClass,
}

impl SnapshotDto {
    /// As its users see it. Names every field of the domain.
    pub fn new(snapshot: Snapshot, region: &str) -> Self {
        let Snapshot { id, organization, name, image, resources, state, source, created_at, updated_at } = snapshot;
        let (state, error_reason) = match state {
            domain::SnapshotState::Active => (SnapshotState::Active, None),
            domain::SnapshotState::Snapshotting => (SnapshotState::Snapshotting, None),
            domain::SnapshotState::Failed(reason) => (SnapshotState::Error, Some(reason)),
        };
        let Resources { cpu, memory_gib, disk_gib } = resources;
        Self {
            id: id.to_string(),
            organization_id: organization.map(|id| id.to_string()),
            general: organization.is_none(),
            name,
            image_name: Some(image.clone()),
            state,
            size: None,
            entrypoint: None,
            cpu,
            gpu: 0,
            mem: memory_gib,
            disk: disk_gib,
            error_reason,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
            last_used_at: None,
            region_ids: Some(vec![region.to_owned()]),
            image_ref: Some(image),
            source_sandbox_id: source.map(|id| id.to_string()),
            sandbox_class: SandboxClass::Container,
        }
    }
}

/// What a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    Building,
    Pending,
    Pulling,
    Snapshotting,
    Active,
    Inactive,
    Error,
    BuildFailed,
    Removing,
}
