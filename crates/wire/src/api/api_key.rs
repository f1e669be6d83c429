//! API keys.

use paddock_model::access::{ApiKey, Permission};
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

impl ApiKeyResponse {
    /// A key and its value, for the one time that it is shown. Names every field of the domain.
    pub fn new(key: ApiKey, value: String) -> Self {
        let ApiKey {
            sha256: _,
            organization: _,
            user: _,
            name,
            prefix: _,
            suffix: _,
            permissions,
            created_at,
            last_used_at: _,
            expires_at,
        } = key;
        Self {
            name,
            value,
            created_at: created_at.into(),
            permissions: words(permissions),
            expires_at: expires_at.map(Into::into),
        }
    }
}

impl From<ApiKey> for ApiKeyList {
    fn from(key: ApiKey) -> Self {
        let ApiKey {
            sha256: _,
            organization,
            user,
            name,
            prefix,
            suffix,
            permissions,
            created_at,
            last_used_at,
            expires_at,
        } = key;
        Self {
            name,
            value: format!("{prefix}********************{suffix}"),
            created_at: created_at.into(),
            permissions: words(permissions),
            last_used_at: last_used_at.map(Into::into),
            expires_at: expires_at.map(Into::into),
            user_id: user.0,
            organization_id: organization.to_string(),
        }
    }
}

fn words(permissions: Vec<Permission>) -> Vec<String> {
    permissions.into_iter().map(|permission| permission.as_str().to_owned()).collect()
}
