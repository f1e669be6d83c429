//! The shapes of a list of sandboxes: by cursor, by page (SDKs to 0.160), and the plain array of very old SDKs,
//! which is `Vec<Sandbox>`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sandbox::{BackupState, Sandbox, SandboxClass, SandboxDesiredState, SandboxState};
use super::timestamp::Timestamp;

/// Answer to `GET /sandbox`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListSandboxesResponse {
    /// One page of them.
    pub items: Vec<SandboxListItem>,
    /// Pass as `cursor` for more; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Answer to `GET /sandbox/paginated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaginatedSandboxes {
    /// One page of them.
    pub items: Vec<Sandbox>,
    /// How many there are on all pages.
    pub total: usize,
    /// Which page this is, from 1.
    pub page: usize,
    /// How many pages there are.
    pub total_pages: usize,
}

/// A sandbox in a list: no environment, no volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxListItem {
    /// UUID.
    pub id: String,
    /// The organization that owns it.
    pub organization_id: String,
    /// Unique in the organization.
    pub name: String,
    /// Region id.
    pub target: String,
    /// The runner that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_id: Option<String>,
    /// What kind of machine it is.
    pub sandbox_class: SandboxClass,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SandboxState>,
    /// What its user wants it to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_state: Option<SandboxDesiredState>,
    /// Name of the snapshot it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Operating-system user that commands run as.
    pub user: String,
    /// Why it is in an error state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// The error can be recovered from.
    #[serde(default)]
    pub recoverable: bool,
    /// Previews need no token.
    pub public: bool,
    /// All traffic from the sandbox is blocked.
    pub network_block_all: bool,
    /// Whole CPUs.
    pub cpu: u32,
    /// GPUs.
    pub gpu: u32,
    /// GiB.
    pub memory: u32,
    /// GiB.
    pub disk: u32,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// State of the last backup.
    pub backup_state: BackupState,
    /// Minutes without activity until it is stopped; 0 = never.
    pub auto_stop_interval: u32,
    /// Minutes without activity until it is paused; 0 = never.
    #[serde(default)]
    pub auto_pause_interval: u32,
    /// Minutes stopped until it is archived.
    pub auto_archive_interval: u32,
    /// Minutes stopped until it is deleted; 0 = at once, negative = never.
    pub auto_delete_interval: i32,
    /// When its life ends, whatever it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_destroy_at: Option<Timestamp>,
    /// Minutes it may wait for a runner with room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_timeout: Option<u32>,
    /// When it was destroyed because no runner had room in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_timed_out_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was last used, as far as the control plane knows.
    pub last_activity_at: Timestamp,
    /// Version of the agent in the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon_version: Option<String>,
    /// Toolbox calls go to `{toolboxProxyUrl}/{id}/…`.
    pub toolbox_proxy_url: String,
}

impl From<Sandbox> for SandboxListItem {
    /// Names every field, so that a new one must be kept or dropped on purpose.
    #[expect(clippy::too_many_lines, reason = "one line per field, twice")]
    fn from(sandbox: Sandbox) -> Self {
        let Sandbox {
            id,
            organization_id,
            name,
            snapshot,
            user,
            env: _,
            labels,
            public,
            network_block_all,
            kvm: _,
            target,
            cpu,
            gpu,
            memory,
            disk,
            state,
            desired_state,
            error_reason,
            recoverable,
            backup_state,
            auto_stop_interval,
            auto_pause_interval,
            auto_archive_interval,
            auto_delete_interval,
            auto_destroy_at,
            queue_timeout,
            queue_timed_out_at,
            volumes: _,
            created_at,
            updated_at,
            last_activity_at,
            sandbox_class,
            daemon_version,
            runner_id,
            toolbox_proxy_url,
        } = sandbox;
        Self {
            id,
            organization_id,
            name,
            target,
            runner_id,
            sandbox_class,
            state,
            desired_state,
            snapshot,
            user,
            error_reason,
            recoverable,
            public,
            network_block_all,
            cpu,
            gpu,
            memory,
            disk,
            labels,
            backup_state,
            auto_stop_interval,
            auto_pause_interval,
            auto_archive_interval,
            auto_delete_interval,
            auto_destroy_at,
            queue_timeout,
            queue_timed_out_at,
            created_at,
            updated_at,
            last_activity_at,
            daemon_version,
            toolbox_proxy_url,
        }
    }
}
