//! One sandbox, in full, and the words it is described with.

use std::collections::BTreeMap;

use paddock_model::lifecycle::{Desired, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::timestamp::Timestamp;

/// A sandbox, as single reads, creates and actions answer it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sandbox {
    /// UUID.
    pub id: String,
    /// The organization that owns it.
    pub organization_id: String,
    /// Unique in the organization; the id when none was given.
    pub name: String,
    /// Name of the snapshot it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Operating-system user that commands run as.
    pub user: String,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Previews need no token.
    pub public: bool,
    /// All traffic from the sandbox is blocked.
    pub network_block_all: bool,
    /// The sandbox has `/dev/kvm`.
    pub kvm: bool,
    /// Region id.
    pub target: String,
    /// Whole CPUs.
    pub cpu: u32,
    /// GPUs.
    pub gpu: u32,
    /// GiB.
    pub memory: u32,
    /// GiB.
    pub disk: u32,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SandboxState>,
    /// What its user wants it to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_state: Option<SandboxDesiredState>,
    /// Why it is in an error state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// The error can be recovered from.
    #[serde(default)]
    pub recoverable: bool,
    /// State of the last backup; idle is the word `None`.
    pub backup_state: BackupState,
    /// Minutes without activity until it is stopped; 0 = never.
    pub auto_stop_interval: u32,
    /// Minutes stopped until it is archived. Stored and shown; acted on once sandboxes can be archived.
    pub auto_archive_interval: u32,
    /// Minutes stopped until it is deleted; 0 = at once, negative = never.
    pub auto_delete_interval: i32,
    /// Volumes mounted.
    pub volumes: Vec<SandboxVolume>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was last used, as far as the control plane knows.
    pub last_activity_at: Timestamp,
    /// What kind of machine it is.
    pub sandbox_class: SandboxClass,
    /// Version of the agent in the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon_version: Option<String>,
    /// The runner that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_id: Option<String>,
    /// Toolbox calls go to `{toolboxProxyUrl}/{id}/…`.
    pub toolbox_proxy_url: String,
}

/// A volume in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxVolume {
    /// UUID; in requests a name may stand here.
    pub volume_id: String,
    /// Where it appears.
    pub mount_path: String,
    /// Which folder of the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subpath: Option<String>,
}

/// Answer to `GET …/toolbox-proxy-url`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolboxProxyUrl {
    /// Toolbox calls go to `{url}/{id}/…`.
    pub url: String,
}

/// Body of `PUT …/labels` and its answer: the whole set, replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SandboxLabels {
    /// All labels.
    pub labels: BTreeMap<String, String>,
}

/// Optional body of `POST …/last-activity`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateLastActivity {
    /// What kind of use it was; for statistics only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_type: Option<String>,
}

/// What a sandbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SandboxState {
    Creating,
    Restoring,
    Destroyed,
    Destroying,
    Started,
    Stopped,
    Starting,
    Stopping,
    Error,
    BuildFailed,
    PendingBuild,
    BuildingSnapshot,
    Unknown,
    PullingSnapshot,
    Archived,
    Archiving,
    Resizing,
    Snapshotting,
    Forking,
    Pausing,
    Paused,
    Resuming,
}

impl From<State> for SandboxState {
    fn from(state: State) -> Self {
        match state {
            State::Creating => Self::Creating,
            State::Restoring => Self::Restoring,
            State::Destroyed => Self::Destroyed,
            State::Destroying => Self::Destroying,
            State::Started => Self::Started,
            State::Stopped => Self::Stopped,
            State::Starting => Self::Starting,
            State::Stopping => Self::Stopping,
            State::Error => Self::Error,
            State::BuildFailed => Self::BuildFailed,
            State::PendingBuild => Self::PendingBuild,
            State::BuildingSnapshot => Self::BuildingSnapshot,
            State::Unknown => Self::Unknown,
            State::PullingSnapshot => Self::PullingSnapshot,
            State::Archived => Self::Archived,
            State::Archiving => Self::Archiving,
            State::Resizing => Self::Resizing,
            State::Snapshotting => Self::Snapshotting,
            State::Forking => Self::Forking,
            State::Pausing => Self::Pausing,
            State::Paused => Self::Paused,
            State::Resuming => Self::Resuming,
        }
    }
}

/// What a user wants a sandbox to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SandboxDesiredState {
    Destroyed,
    Started,
    Stopped,
    Resized,
    Archived,
    Paused,
}

impl From<Desired> for SandboxDesiredState {
    fn from(desired: Desired) -> Self {
        match desired {
            Desired::Destroyed => Self::Destroyed,
            Desired::Started => Self::Started,
            Desired::Stopped => Self::Stopped,
            Desired::Resized => Self::Resized,
            Desired::Archived => Self::Archived,
            Desired::Paused => Self::Paused,
        }
    }
}

/// State of a backup. Idle is the four-letter word `None`, not null.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum BackupState {
    #[default]
    None,
    Pending,
    InProgress,
    Completed,
    Error,
}

/// What kind of machine a sandbox is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxClass {
    #[default]
    Container,
    LinuxVm,
    Windows,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_and_the_domain_use_the_same_words_for_states() {
        for state in State::ALL {
            let word = serde_json::to_value(SandboxState::from(state)).expect("an enum is a string");
            assert_eq!(word, state.as_str());
        }
    }
}
