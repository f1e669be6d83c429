//! Organizations.

use std::collections::BTreeMap;

use paddock_model::access;
use paddock_model::quota::Charge;
use paddock_model::time::Timestamp as Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::timestamp::Timestamp;

/// An organization: it owns sandboxes, snapshots, keys and quota.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Id of the user who made it.
    pub created_by: String,
    /// It is the private one of its user.
    pub personal: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Nothing new may be started.
    pub suspended: bool,
    /// When it was suspended. SDKs demand an instant even when it never was: then 1970.
    pub suspended_at: Timestamp,
    /// Why it was suspended; empty when it is not.
    pub suspension_reason: String,
    /// Until when it is suspended; 1970 when it is not.
    pub suspended_until: Timestamp,
    /// Hours after suspension until its sandboxes are stopped.
    pub suspension_cleanup_grace_period_hours: u32,
    /// Limit of one sandbox.
    pub max_cpu_per_sandbox: u32,
    /// Limit of one sandbox, GiB.
    pub max_memory_per_sandbox: u32,
    /// Limit of one sandbox, GiB.
    pub max_disk_per_sandbox: u32,
    /// How many secrets it may have.
    pub secret_quota: u32,
    /// How many secrets a sandbox may have.
    pub max_secrets_per_sandbox: u32,
    /// Minutes until an unused snapshot is deactivated.
    pub snapshot_deactivation_timeout_minutes: u32,
    /// Minutes that a create waits for room.
    #[schema(required = true)]
    pub default_queue_timeout: Option<u32>,
    /// Sandboxes reach no network by default.
    pub sandbox_limited_network_egress: bool,
    /// Previews show a warning first.
    pub preview_warning_enabled: bool,
    /// It may have identity providers of its own.
    pub sso_enabled: bool,
    /// It may synchronize a directory.
    pub scim_enabled: bool,
    /// Where sandboxes go when no target is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_region_id: Option<String>,
    /// Requests per window; null = the deployment's.
    #[schema(required = true)]
    pub authenticated_rate_limit: Option<u32>,
    /// Creates per window; null = the deployment's.
    #[schema(required = true)]
    pub sandbox_create_rate_limit: Option<u32>,
    /// Starts, stops, deletes and so on per window; null = the deployment's.
    #[schema(required = true)]
    pub sandbox_lifecycle_rate_limit: Option<u32>,
    /// Free-form switches.
    #[schema(value_type = Object)]
    pub experimental_config: BTreeMap<String, serde_json::Value>,
    /// Where telemetry goes; null = nowhere.
    #[schema(required = true)]
    pub otel_config: Option<OtelConfig>,
    /// Seconds of the window.
    #[schema(required = true)]
    pub authenticated_rate_limit_ttl_seconds: Option<u32>,
    /// Seconds of the window.
    #[schema(required = true)]
    pub sandbox_create_rate_limit_ttl_seconds: Option<u32>,
    /// Seconds of the window.
    #[schema(required = true)]
    pub sandbox_lifecycle_rate_limit_ttl_seconds: Option<u32>,
}

impl Organization {
    /// As its members see it. Names every field of the domain. `limit` is what it may hold in all, which is also the
    /// most that one sandbox can have: there is no smaller limit per sandbox yet.
    pub fn new(organization: access::Organization, limit: Charge) -> Self {
        let access::Organization { id, name, suspended, default_region, created_at } = organization;
        let never = Timestamp(Instant(0));
        Self {
            id: id.to_string(),
            name,
            // Organizations are made by the operator so far, not by a user.
            created_by: String::new(),
            personal: false,
            created_at: created_at.into(),
            updated_at: created_at.into(),
            suspended,
            suspended_at: never,
            suspension_reason: String::new(),
            suspended_until: never,
            suspension_cleanup_grace_period_hours: 0,
            max_cpu_per_sandbox: limit.cpu,
            max_memory_per_sandbox: limit.memory_gib,
            max_disk_per_sandbox: limit.disk_gib,
            secret_quota: 0,
            max_secrets_per_sandbox: 0,
            snapshot_deactivation_timeout_minutes: 0,
            default_queue_timeout: None,
            sandbox_limited_network_egress: false,
            preview_warning_enabled: false,
            sso_enabled: false,
            scim_enabled: false,
            default_region_id: Some(default_region),
            authenticated_rate_limit: None,
            sandbox_create_rate_limit: None,
            sandbox_lifecycle_rate_limit: None,
            experimental_config: BTreeMap::new(),
            otel_config: None,
            authenticated_rate_limit_ttl_seconds: None,
            sandbox_create_rate_limit_ttl_seconds: None,
            sandbox_lifecycle_rate_limit_ttl_seconds: None,
        }
    }
}

/// Where telemetry goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtelConfig {
    /// Collector.
    pub endpoint: String,
    /// Headers to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
}
