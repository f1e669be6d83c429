//! Regions: where sandboxes can be.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::timestamp::Timestamp;

/// A region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// Its id, which sandboxes show as `target`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who may use it.
    pub region_type: RegionType,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Base of toolbox calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// Where SSH connects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_gateway_url: Option<String>,
}

/// Who may use a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegionType {
    /// Every organization.
    Shared,
    /// Chosen organizations.
    Dedicated,
    /// The organization that made it.
    Custom,
}
