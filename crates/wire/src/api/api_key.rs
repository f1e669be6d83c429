//! API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::timestamp::Timestamp;

/// What `POST /api-keys` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateApiKey {
    /// Unique among the user's keys in the organization.
    pub name: String,
    /// What the key may do.
    pub permissions: Vec<String>,
    /// When it ends to work; absent or null = never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Answer to `POST /api-keys`: the only time that the value is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyResponse {
    /// Its name.
    pub name: String,
    /// The key itself.
    pub value: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it may do.
    pub permissions: Vec<String>,
    /// When it ends to work.
    #[schema(required = true)]
    pub expires_at: Option<Timestamp>,
}

/// A key as it is shown later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyList {
    /// Its name.
    pub name: String,
    /// First and last three characters; the rest is not stored.
    pub value: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it may do.
    pub permissions: Vec<String>,
    /// When it was last used, to about ten minutes.
    #[schema(required = true)]
    pub last_used_at: Option<Timestamp>,
    /// When it ends to work.
    #[schema(required = true)]
    pub expires_at: Option<Timestamp>,
    /// Whose it is.
    pub user_id: String,
    /// For which organization.
    pub organization_id: String,
}
