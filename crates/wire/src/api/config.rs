//! What clients may ask without a key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer to `GET /config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaytonaConfiguration {
    /// Version of this software.
    pub version: String,
    /// Where users log in.
    pub oidc: OidcConfig,
    /// Users can link accounts of other providers.
    pub linked_accounts_enabled: bool,
    /// News for users, by id.
    pub announcements: BTreeMap<String, Announcement>,
    /// Preview address with `{{PORT}}` and `{{sandboxId}}` to fill in.
    pub proxy_template_url: String,
    /// Base of toolbox calls.
    pub proxy_toolbox_url: String,
    /// Name of the snapshot used when none is named.
    pub default_snapshot: String,
    /// Where people click.
    pub dashboard_url: String,
    /// Minutes.
    pub max_auto_archive_interval: u32,
    /// Everything is refused with 503. The wire spells it so.
    pub maintanance_mode: bool,
    /// Kind of deployment.
    pub environment: String,
    /// How to log in by SSH, with a placeholder for the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_gateway_command: Option<String>,
    /// Where SSH connects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_gateway_host: Option<String>,
    /// Where SSH connects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_gateway_port: Option<u16>,
    /// Limits that are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimitConfig>,
}

/// Where users log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcConfig {
    /// Issuer URL; empty when nobody can log in by OIDC.
    pub issuer: String,
    /// Client id.
    pub client_id: String,
    /// Audience of tokens.
    pub audience: String,
    /// Which product; SDKs demand a string.
    pub provider: String,
}

/// News for users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// What to say.
    pub text: String,
    /// Where more is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learn_more_url: Option<String>,
}

/// Limits by class of request; absent = off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitConfig {
    /// Refused credentials, per address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_auth: Option<RateLimitEntry>,
    /// Everything else, per organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated: Option<RateLimitEntry>,
    /// Creates and forks, per organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_create: Option<RateLimitEntry>,
    /// Starts, stops, deletes and so on, per organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_lifecycle: Option<RateLimitEntry>,
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RateLimitEntry {
    /// Seconds of the window.
    pub ttl: u32,
    /// Requests per window.
    pub limit: u32,
}

/// Answer to `GET /health` and `GET /health/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
}
