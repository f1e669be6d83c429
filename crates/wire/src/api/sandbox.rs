//! One sandbox, in full, and the words it is described with.

use std::collections::BTreeMap;
use std::time::Duration;

use paddock_model::lifecycle::{Desired, State};
use paddock_model::sandbox::{self as domain, Detail, Files, Purpose, Resources, Spec, Timers};
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

impl Sandbox {
    /// As its user sees it. Names every field of the domain: a new one must be shown or hidden on purpose.
    #[expect(clippy::too_many_lines, reason = "one line per field, twice")]
    pub fn new(detail: Detail, toolbox_proxy_url: &str) -> Self {
        let Detail { head, spec } = detail;
        let domain::Sandbox {
            id,
            organization,
            pool: _,
            name,
            region,
            state,
            desired,
            generation: _,
            epoch: _,
            runner,
            seen_generation: _,
            seen_seq: _,
            has_container: _,
            attempt: _,
            wished_at: _,
            placed_at: _,
            due: _,
            force: _,
            failure,
            daemon_version,
            resources: Resources { cpu, memory_gib, disk_gib },
            charge: _,
            resized_from: _,
            files,
            queue_timed_out,
            timers: Timers { auto_stop, auto_pause, auto_archive, auto_delete, destroy_at, queue },
            last_activity,
            created_at,
            updated_at,
        } = head;
        let Spec { snapshot: _, snapshot_name, image: _, user, env, labels, public } = spec;
        Self {
            id: id.to_string(),
            organization_id: organization.map(|id| id.to_string()).unwrap_or_default(),
            name,
            snapshot: Some(snapshot_name),
            user,
            env,
            labels,
            public,
            network_block_all: false,
            kvm: false,
            target: region,
            cpu,
            gpu: 0,
            memory: memory_gib,
            disk: disk_gib,
            state: Some(state.into()),
            desired_state: Some(desired.into()),
            recoverable: failure.as_ref().is_some_and(|it| it.recoverable),
            error_reason: failure.map(|it| it.reason),
            backup_state: BackupState::of(&files),
            auto_stop_interval: auto_stop.map_or(0, minutes),
            auto_pause_interval: auto_pause.map_or(0, minutes),
            auto_archive_interval: auto_archive.map_or(0, minutes),
            auto_delete_interval: auto_delete.map_or(-1, |it| i32::try_from(minutes(it)).unwrap_or(i32::MAX)),
            auto_destroy_at: destroy_at.map(Into::into),
            queue_timeout: queue.map(minutes),
            queue_timed_out_at: queue_timed_out.then(|| updated_at.into()),
            volumes: Vec::new(),
            created_at: created_at.into(),
            updated_at: updated_at.into(),
            last_activity_at: last_activity.into(),
            sandbox_class: SandboxClass::Container,
            daemon_version,
            runner_id: runner.map(|id| id.to_string()),
            toolbox_proxy_url: toolbox_proxy_url.to_owned(),
        }
    }
}

/// Intervals are whole minutes on the wire.
fn minutes(interval: Duration) -> u32 {
    u32::try_from(interval.as_secs() / 60).unwrap_or(u32::MAX)
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

/// Body of `POST …/resize`: what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ResizeSandbox {
    /// Whole CPUs.
    pub cpu: Option<u32>,
    /// GiB.
    pub memory: Option<u32>,
    /// GiB.
    pub disk: Option<u32>,
}

/// Body of `POST …/fork`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ForkSandbox {
    /// Name of the fork; default = its id.
    pub name: Option<String>,
}

/// Body of `POST …/snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateSandboxSnapshot {
    /// Name of the snapshot, unique in the organization.
    pub name: String,
    /// Memory too; containers have no such snapshots.
    #[serde(default)]
    pub include_memory: Option<bool>,
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

impl BackupState {
    fn of(files: &Files) -> Self {
        match files.capture.map(|capture| capture.purpose) {
            Some(Purpose::Backup | Purpose::Archive) => Self::InProgress,
            Some(Purpose::Fork | Purpose::Snapshot) | None if files.failed => Self::Error,
            Some(Purpose::Fork | Purpose::Snapshot) | None if files.kept.is_some() => Self::Completed,
            Some(Purpose::Fork | Purpose::Snapshot) | None => Self::None,
        }
    }
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
