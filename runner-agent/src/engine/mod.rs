//! The container engine as the runner needs it: a trait with two implementations.
//!
//! * [`docker`] Docker by its API
//! * [`fake`] containers that are small HTTP servers in this process; they behave, nothing is canned
//! * [`starts`] how many may be on their way up
//! * [`labels`] what is written on containers, so that an agent without memory can adopt them
//!
//! `runner-agent/tests/engine_contract.rs` runs the same test against both.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use ipnet::Ipv4Net;
use paddock_wire::work::Env;

use self::labels::Labels;

pub mod docker;
pub mod fake;
pub mod labels;
pub mod starts;

/// Port of the daemon's toolbox door in every sandbox.
pub const DAEMON_PORT: u16 = 2280;
/// Where the daemon is seen in every sandbox; it is the entry point too.
pub const DAEMON_PATH: &str = "/usr/local/bin/daytona";

/// Why an engine call did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine does not answer; whether the call was done is unknown. Wait, look, try again.
    #[error("container engine does not answer: {0}")]
    Unavailable(String),
    /// There is no such container, image or network.
    #[error("not found: {0}")]
    NotFound(String),
    /// The name is taken, or an address range overlaps.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The engine answered that it cannot.
    #[error("{0}")]
    Rejected(String),
}

/// The engine's answer.
pub type Result<T> = std::result::Result<T, EngineError>;

/// What the engine's machine is able to do, found by asking it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Real CPUs.
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    /// Where the engine keeps files of containers, to measure the disk.
    pub data_root: PathBuf,
    /// Such as `cgroup_v2`, `userns`.
    pub capabilities: Vec<String>,
}

/// What an image says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Digest of its configuration, `sha256:<hex>`.
    pub id: String,
    /// `WORKDIR`, when there is one.
    pub working_dir: Option<String>,
}

/// A network of this agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Deployment, for its label.
    pub deployment: String,
    /// Runner, for its label.
    pub runner: String,
    /// Name, unique on the engine.
    pub name: String,
    /// Name of the bridge interface, at most 15 bytes.
    pub bridge: String,
    /// Addresses.
    pub subnet: Ipv4Net,
}

/// A network as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Addresses.
    pub subnet: Ipv4Net,
    /// The host's address in it.
    pub gateway: Ipv4Addr,
    /// The host's interface to guard; none when there is no real network.
    pub bridge: Option<String>,
}

/// A container to be made.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// Name, unique on the engine.
    pub name: String,
    /// What is written on it.
    pub labels: Labels,
    /// Image reference.
    pub image: String,
    /// Which of the two kinds.
    pub kind: Kind,
}

/// The two kinds of containers.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Holds a network namespace and does nothing else.
    Pause {
        /// Network to join.
        network: String,
        /// Its fixed address there.
        address: Ipv4Addr,
    },
    /// Never started: to see the files of its image.
    Still,
    /// The user's sandbox, in the network namespace of a pause container.
    Sandbox(Box<SandboxSpec>),
}

/// Particulars of a sandbox container.
#[derive(Debug, Clone)]
pub struct SandboxSpec {
    /// Id of the running pause container.
    pub pause: String,
    /// Environment at creation.
    pub env: Env,
    /// Files of the host to be seen inside.
    pub mounts: Vec<Mount>,
    /// Whole CPUs.
    pub cpu: u32,
    /// GiB.
    pub memory_gib: u32,
}

/// A file or directory of the host, seen inside and never to be written from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// Inside.
    pub target: String,
}

/// A container as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The engine's id.
    pub id: String,
    /// Name without a leading slash.
    pub name: String,
    /// What is written on it. Found by name it may be another runner's: see [`Labels::are_of`].
    pub labels: Labels,
    /// It runs, frozen or not.
    pub running: bool,
    /// It is frozen.
    pub paused: bool,
    /// The image it was made from, by the digest of its configuration; empty in lists.
    pub image: String,
    /// First process, seen from the host; none if not running or not a real container.
    pub pid: Option<i32>,
    /// Where its daemon answers when it runs.
    pub daemon: Option<SocketAddr>,
    /// How it ended.
    pub exit_code: Option<i64>,
    /// The kernel killed something in it for want of memory.
    pub out_of_memory: bool,
}

/// Limits of a sandbox container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Whole CPUs.
    pub cpu: u32,
    /// GiB.
    pub memory_gib: u32,
}

/// A container stopped running, for whatever reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Died {
    /// The engine's id.
    pub id: String,
    /// How it ended.
    pub exit_code: Option<i64>,
    /// What is written on it.
    pub labels: Labels,
}

/// The disk where the engine keeps files of containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes in all.
    pub size: u64,
    /// Bytes that may still be written.
    pub free: u64,
}

/// A container engine. Every operation may be repeated: stopping what is stopped and removing what is gone succeed.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// What the machine is able to do.
    async fn probe(&self) -> Result<Host>;
    /// It holds each sandbox's container to the disk of its labels itself: a write beyond it fails inside.
    fn limits_disk(&self) -> bool;
    /// How full the disk is.
    async fn space(&self) -> Result<Space>;
    /// Bytes on the disk of what the container's files differ from its image's. It looks at each of them: a second and
    /// more where there are many. Dropped, it ends soon.
    async fn disk_use(&self, id: &str) -> Result<u64>;
    /// References of the images present.
    async fn images(&self) -> Result<Vec<String>>;
    /// An image, if present.
    async fn image(&self, reference: &str) -> Result<Option<Image>>;
    /// Fetches an image from its registry.
    async fn pull(&self, reference: &str) -> Result<()>;
    /// Makes an image of one layer, with that entry point.
    async fn import(&self, reference: &str, layer: Bytes, entrypoint: &[&str]) -> Result<()>;
    /// Makes the network, or finds the one with that name (whose subnet may differ).
    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<Network>;
    /// Makes a container, not started; its id. A taken name is a conflict.
    async fn create(&self, spec: &ContainerSpec) -> Result<String>;
    /// Starts it; a running one stays as it is.
    async fn start(&self, id: &str) -> Result<()>;
    /// Freezes all its processes; memory is kept. One that is frozen stays as it is.
    async fn pause(&self, id: &str) -> Result<()>;
    /// Lets them go on. One that is not frozen stays as it is.
    async fn unpause(&self, id: &str) -> Result<()>;
    /// Gives it other limits, running or not.
    async fn update(&self, id: &str, limits: Limits) -> Result<()>;
    /// The directory of the host with all that its files differ from its image's, as overlayfs keeps it; none where the
    /// engine does not keep files so.
    async fn upper_dir(&self, id: &str) -> Result<Option<PathBuf>>;
    /// All files of a container, running or not, as a tar; without what is mounted in it.
    async fn export(&self, id: &str) -> Result<BoxStream<'static, Result<Bytes>>>;
    /// Asks the first process to end, and kills it after `grace`. One that is frozen is thawed first.
    async fn stop(&self, id: &str, grace: Duration) -> Result<()>;
    /// Removes it with its files, running or not.
    async fn remove(&self, id: &str) -> Result<()>;
    /// Gives another name.
    async fn rename(&self, id: &str, name: &str) -> Result<()>;
    /// By id or name.
    async fn inspect(&self, id: &str) -> Result<Option<Container>>;
    /// All containers of this deployment and runner. `pid` and `out_of_memory` are not filled in.
    async fn list(&self, deployment: &str, runner: &str) -> Result<Vec<Container>>;
    /// Deaths of this runner's containers from now on; ends when the engine goes away.
    async fn deaths(&self, deployment: &str, runner: &str) -> Result<BoxStream<'static, Died>>;
}
