//! Runners: the machines that hold sandboxes, as operators see them.

use paddock_model::placement::Room;
use paddock_model::runner::{self as domain, Condition, Load};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sandbox::SandboxClass;
use super::timestamp::Timestamp;

/// A runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Runner {
    /// UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Region it is in.
    pub region: String,
    /// How it is.
    pub state: RunnerState,
    /// Nothing new is placed there: it was made unschedulable, or it is draining.
    pub unschedulable: bool,
    /// What rests there leaves, so that it becomes empty.
    pub draining: bool,
    /// CPUs that it gives to sandboxes, overcommit applied.
    pub cpu: u32,
    /// GiB that it gives to sandboxes.
    pub memory: u32,
    /// GiB that it gives to sandboxes.
    pub disk: u32,
    /// CPUs taken, by its last sign of life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_allocated_cpu: Option<u32>,
    /// GiB taken.
    #[serde(rename = "currentAllocatedMemoryGiB", default, skip_serializing_if = "Option::is_none")]
    pub current_allocated_memory_gib: Option<u32>,
    /// GiB taken.
    #[serde(rename = "currentAllocatedDiskGiB", default, skip_serializing_if = "Option::is_none")]
    pub current_allocated_disk_gib: Option<u32>,
    /// Images that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_snapshot_count: Option<usize>,
    /// Its last sign of life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_checked: Option<Timestamp>,
    /// None here.
    pub tags: Vec<String>,
    /// When it first registered.
    pub created_at: Timestamp,
    /// When it last registered, or an operator last said something about it.
    pub updated_at: Timestamp,
    /// As `apiVersion`, for older clients.
    pub version: String,
    /// Which protocol it speaks with the control plane.
    pub api_version: String,
    /// Version of its software.
    pub app_version: String,
    /// As `sandboxClass`, for older clients.
    pub runner_class: RunnerClass,
    /// What kind of machines it makes.
    pub sandbox_class: SandboxClass,
    /// Nothing; older clients demand one of their three words here.
    #[serde(rename = "class")]
    pub size_class: String,
}

/// Which protocol runners speak with the control plane: one for now.
const API_VERSION: &str = "1";

/// How a runner is. `initializing` and `disabled` do not happen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunnerState {
    Initializing,
    /// It gives signs of life.
    Ready,
    Disabled,
    /// It was declared dead.
    Decommissioned,
    /// It is silent.
    Unresponsive,
}

/// What kind of machines a runner makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunnerClass {
    Container,
}

/// Body of `PATCH /runners/{id}/scheduling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetRunnerScheduling {
    /// Nothing new is to be placed there.
    pub unschedulable: bool,
}

/// Body of `PATCH /runners/{id}/draining`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetRunnerDraining {
    /// It is to become empty.
    pub draining: bool,
}

impl Runner {
    /// As operators see it. Names every field of the domain; keys, tokens and addresses are nobody's business.
    pub fn new(runner: domain::Runner, load: Option<Load>, condition: Condition) -> Self {
        let domain::Runner {
            id,
            name,
            region,
            role: _,
            version,
            relay_url: _,
            ticket_key: _,
            capacity: Room { cpu, memory_gib, disk_gib, sandboxes: _ },
            capabilities: _,
            queue_url: _,
            token_sha256: _,
            dead: _,
            unschedulable,
            draining,
            created_at,
            updated_at,
        } = runner;
        let taken = load.as_ref().map(|load| load.allocated);
        Self {
            id: id.to_string(),
            name,
            region,
            state: condition.into(),
            unschedulable: unschedulable || draining,
            draining,
            cpu,
            memory: memory_gib,
            disk: disk_gib,
            current_allocated_cpu: taken.map(|room| room.cpu),
            current_allocated_memory_gib: taken.map(|room| room.memory_gib),
            current_allocated_disk_gib: taken.map(|room| room.disk_gib),
            current_snapshot_count: load.as_ref().map(|load| load.images.len()),
            last_checked: load.map(|load| load.heartbeat_at.into()),
            tags: Vec::new(),
            created_at: created_at.into(),
            updated_at: updated_at.into(),
            version: API_VERSION.to_owned(),
            api_version: API_VERSION.to_owned(),
            app_version: version,
            runner_class: RunnerClass::Container,
            sandbox_class: SandboxClass::Container,
            size_class: "small".to_owned(),
        }
    }
}

impl From<Condition> for RunnerState {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Ready => Self::Ready,
            Condition::Unresponsive => Self::Unresponsive,
            Condition::Dead => Self::Decommissioned,
        }
    }
}
