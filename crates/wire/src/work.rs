//! Control plane → runner: one message says all a runner must know to serve one wish.
//!
//! A message is a copy of the truth, never the truth: it may be lost, doubled, late or out of order.
//! The owner task drives toward the newest (epoch, generation) it knows and ignores older ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A message on a runner's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Drive a sandbox toward a wish.
    Work(Box<Work>),
    /// The owner said it is in use (`POST …/last-activity`): renew its idle clock.
    Touch {
        /// Which sandbox.
        sandbox_id: Uuid,
        /// The placement this was meant for.
        epoch: u64,
    },
}

/// The whole wish for one sandbox on its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The deployment that sends; a runner of another deployment refuses everything.
    pub deployment: String,
    /// Which sandbox.
    pub sandbox_id: Uuid,
    /// Placement counter: who owns the sandbox. Grows with each placement.
    pub epoch: u64,
    /// Wish counter. Grows with each wish.
    pub generation: u64,
    /// The last `seq` the control plane accepted in this epoch; an owner without memory goes on from here.
    pub seq: u64,
    /// Which sending of the same generation this is, from 1.
    pub attempt: u32,
    /// What is wanted.
    pub wish: Wish,
    /// A container of this epoch was reported before: when there is none, its files are lost and that is an
    /// error, not a reason to make an empty one.
    pub expect_container: bool,
    /// Lazy timers: when the sandbox has been idle this long, do as `when_idle` says, else report the idle time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_if_idle_seconds: Option<u64>,
    /// What idleness brings about.
    #[serde(default)]
    pub when_idle: WhenIdle,
    /// Capture the files under this id, besides; the wish holds as soon as it is reached all the same. A report of this
    /// generation carries the outcome ([`Facts::captured`]); until then its capture is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Uuid>,
    /// Only with [`Wish::Archived`]: this capture is accepted as the sandbox's files, so that the container may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Uuid>,
    /// The files to begin with, should there be no container: of an archive, a fork's source, or a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Box<Restore>>,
    /// What the sandbox is.
    pub spec: Spec,
}

/// What the user wants a sandbox to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Wish {
    /// Running, with its daemon answering.
    Started,
    /// Not running, files kept.
    Stopped {
        /// Kill at once instead of asking (SIGKILL instead of SIGTERM and grace).
        #[serde(default)]
        force: bool,
    },
    /// Frozen: processes and memory are kept, nothing runs. Not over the end of its machine: then it is stopped.
    Paused,
    /// Files in S3, and nothing on the runner any more. First stopped, then captured ([`Work::capture`]), and removed
    /// once the capture is accepted ([`Work::archived`]).
    Archived,
    /// Gone, files too. This message is the proof that destruction needs.
    Destroyed,
}

/// What a long idleness brings about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenIdle {
    /// [`Observed::IdleStopped`].
    #[default]
    Stop,
    /// [`Observed::IdlePaused`].
    Pause,
}

/// A sandbox's changed files as they rest in S3: a tar of the overlay's upper directory, compressed by zstd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The capture's id.
    pub id: Uuid,
    /// Digest of the image's configuration, `sha256:<hex>`: the layer fits no other image.
    pub image: String,
    /// SHA-256 hex of the object.
    pub sha256: String,
    /// Bytes of the object.
    pub size: u64,
    /// Bytes of the tar in it: what unpacking may write at most.
    pub unpacked: u64,
    /// Entries of the tar.
    pub entries: u64,
}

/// Files to begin with, and where to get them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// What they are.
    pub manifest: Manifest,
    /// Presigned `GET`, good for an hour. Secret: never logged.
    pub url: String,
}

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Restore({})", self.manifest.id)
    }
}

/// What became of a capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Captured {
    /// The object is complete.
    Done {
        /// What it is.
        manifest: Manifest,
    },
    /// It cannot be done; the sandbox is as it was.
    Failed {
        /// Which capture.
        id: Uuid,
        /// For the user.
        reason: String,
    },
}

/// What a sandbox is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Owner; none while it waits in a warm pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<Uuid>,
    /// Image reference as the container engine knows it.
    pub image: String,
    /// Snapshot name, for `DAYTONA_SANDBOX_SNAPSHOT`.
    pub snapshot: String,
    /// User name, for `DAYTONA_SANDBOX_USER`.
    pub user: String,
    /// Region id, for `DAYTONA_REGION_ID`.
    pub region: String,
    /// Whole CPUs.
    pub cpu: u32,
    /// Memory, GiB.
    pub memory_gib: u32,
    /// Disk, GiB: the engine enforces it where it can, else the sandbox is stopped when it takes more.
    pub disk_gib: u32,
    /// The user's environment, sealed to the runner (see [`SealedEnv`]).
    pub env: SealedEnv,
}

/// Environment variables, AES-256-GCM under the runner's key, additional data = the sandbox id's text.
///
/// Plain text is the JSON object `{"NAME": "value"}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedEnv {
    /// 96-bit nonce, base64.
    pub nonce: String,
    /// Cipher text and tag, base64.
    pub sealed: String,
}

impl std::fmt::Debug for SealedEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedEnv(…)")
    }
}

/// Plain environment, the content of a [`SealedEnv`].
pub type Env = BTreeMap<String, String>;

/// What the owner task saw. A report applies only if runner and epoch equal the item's and
/// (generation, seq) is greater than the last accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which sandbox.
    pub sandbox_id: Uuid,
    /// The epoch the owner task serves.
    pub epoch: u64,
    /// The generation that this observation answers.
    pub generation: u64,
    /// The owner task's own counter.
    pub seq: u64,
    /// What it saw.
    pub observed: Observed,
    /// Particulars.
    #[serde(default)]
    pub facts: Facts,
}

/// What a sandbox was seen to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Observed {
    /// The image is on its way.
    PullingSnapshot,
    /// The container is being made or started.
    Creating,
    /// Running, and the daemon answers.
    Started,
    /// Not running, files kept, as wished.
    Stopped,
    /// Not running because `stop_if_idle_seconds` was reached: the wish follows.
    IdleStopped,
    /// Frozen, as wished.
    Paused,
    /// Frozen because `stop_if_idle_seconds` was reached: the wish follows.
    IdlePaused,
    /// Nothing on the runner any more, and its files are the capture of [`Work::archived`].
    Archived,
    /// Gone.
    Destroyed,
    /// It cannot be done, and the runner tries no more.
    Failed {
        /// For the user.
        reason: String,
        /// Files are there and another try makes sense.
        recoverable: bool,
    },
    /// This runner has no room; nothing was made. Another may try.
    Refused {
        /// For the operator.
        reason: String,
    },
}

/// Particulars of a report; all optional, so that old and new runners mix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What the daemon answered to `GET /version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon_version: Option<String>,
    /// Seconds since the last activity, on the owner's monotonic clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u64>,
    /// What became of [`Work::capture`], once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Captured>,
}
