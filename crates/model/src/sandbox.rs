//! The head of a sandbox: what the user desires, what was observed, and the counters of truth.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    id::{CaptureId, OrganizationId, RunnerId, SandboxId, SnapshotId},
    lifecycle::{Desired, State},
    quota::Charge,
    time::Timestamp,
};

/// What the hot path reads and writes: one item of at most 1 KB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Identity, for ever.
    pub id: SandboxId,
    /// Owner; none while it waits in a warm pool. Changes at most once, from none.
    pub organization: Option<OrganizationId>,
    /// The warm pool it waits in.
    pub pool: Option<String>,
    /// Unique in its organization while not destroyed.
    pub name: String,
    /// Region id.
    pub region: String,
    /// What it is; what users see.
    pub state: State,
    /// What is wished.
    pub desired: Desired,
    /// Grows with each wish.
    pub generation: u64,
    /// Grows with each placement: who owns it.
    pub epoch: u64,
    /// The owner, if placed.
    pub runner: Option<RunnerId>,
    /// Generation of the last accepted report.
    pub seen_generation: u64,
    /// `seq` of the last accepted report.
    pub seen_seq: u64,
    /// A container of this epoch was reported: losing it is losing files.
    pub has_container: bool,
    /// Sendings of this generation since the owner was last heard of.
    pub attempt: u32,
    /// When the present wish was made; while nobody owns the sandbox, the deadline counts from here.
    pub wished_at: Timestamp,
    /// When the owner got the present wish: with it, or by a later placement. The owner's deadline counts from here,
    /// so that time spent in a queue is not taken from it.
    pub placed_at: Timestamp,
    /// When the sweep must look again; none = never.
    pub due: Option<Timestamp>,
    /// A stop must not wait for the processes' consent.
    pub force: bool,
    /// Why it is in error.
    pub failure: Option<Failure>,
    /// What its daemon answered when asked for its version.
    pub daemon_version: Option<String>,
    /// Sizes.
    pub resources: Resources,
    /// What it holds of its organization's quota now.
    pub charge: Charge,
    /// What it had before the resize that is under way.
    pub resized_from: Option<Resources>,
    /// Where its files are besides its container.
    pub files: Files,
    /// It was destroyed because it had queued for longer than its owner allowed.
    pub queue_timed_out: bool,
    /// The wishes that time makes.
    pub timers: Timers,
    /// Last known use; the owner's clock knows better.
    pub last_activity: Timestamp,
    /// Birth.
    pub created_at: Timestamp,
    /// Last write.
    pub updated_at: Timestamp,
}

/// Why a sandbox is in error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For the user.
    pub reason: String,
    /// Recovery makes sense.
    pub recoverable: bool,
}

/// Sizes of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Whole CPUs.
    pub cpu: u32,
    /// GiB.
    pub memory_gib: u32,
    /// GiB.
    pub disk_gib: u32,
}

/// Where a sandbox's files are besides its container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Its first files: of a fork's source, or of a snapshot that was made from a sandbox.
    pub base: Option<CaptureId>,
    /// Its own, as they were captured last.
    pub kept: Option<Kept>,
    /// The capture under way.
    pub capture: Option<Capture>,
    /// The last backup failed.
    pub failed: bool,
    /// The sandbox it was forked from.
    pub parent: Option<SandboxId>,
    /// A fork of it was wished once: there may be some.
    pub forked: bool,
}

/// A complete capture of a sandbox's own files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub id: CaptureId,
    /// The sandbox has not run since: the container holds nothing that the capture lacks.
    pub fresh: bool,
}

/// A capture under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// Which.
    pub id: CaptureId,
    /// What for.
    pub purpose: Purpose,
}

/// What files are captured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be kept beside the container.
    Backup,
    /// To be kept instead of the container.
    Archive,
    /// To be the first files of another sandbox.
    Fork,
    /// To be the first files of many; the snapshot has the capture's id.
    Snapshot,
}

/// The wishes that time makes; none = off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timers {
    /// Stop when idle this long.
    pub auto_stop: Option<Duration>,
    /// Freeze when idle this long.
    pub auto_pause: Option<Duration>,
    /// Archive when stopped this long.
    pub auto_archive: Option<Duration>,
    /// Delete when stopped this long; zero = ephemeral, a stop is a deletion.
    pub auto_delete: Option<Duration>,
    /// Delete then, whatever it is doing.
    pub destroy_at: Option<Timestamp>,
    /// How long it may wait for a runner with room; none = as long as its state may last.
    pub queue: Option<Duration>,
}

/// What a sandbox is made of; changes rarely and stands beside the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The snapshot it was made from.
    pub snapshot: SnapshotId,
    /// That snapshot's name at the time.
    pub snapshot_name: String,
    /// Image reference as the container engine knows it.
    pub image: String,
    /// User name inside.
    pub user: String,
    /// The user's environment variables. Secret: sealed wherever it rests or travels.
    pub env: BTreeMap<String, String>,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// Previews need no token.
    pub public: bool,
}

/// Head and specification together, as a user sees a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What changes.
    pub head: Sandbox,
    /// What it is made of.
    pub spec: Spec,
}

impl Files {
    /// What must not be collected while this sandbox names it.
    pub fn named(&self) -> impl Iterator<Item = CaptureId> {
        [self.base, self.kept.map(|kept| kept.id)].into_iter().flatten()
    }

    /// What a container of it would begin with, if there is none.
    pub fn source(&self) -> Option<CaptureId> {
        self.kept.map(|kept| kept.id).or(self.base)
    }

    /// The last capture holds all there is.
    pub fn is_fresh(&self) -> bool {
        self.kept.is_some_and(|kept| kept.fresh)
    }

    /// It ran: what is kept of it is older than what it has.
    pub(crate) fn note_run(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.fresh = false;
        }
    }
}

impl Timers {
    /// A stop of an ephemeral sandbox is a deletion.
    pub fn is_ephemeral(&self) -> bool {
        self.auto_delete == Some(Duration::ZERO)
    }
}

impl Sandbox {
    /// The owner has applied the newest wish, and the state is what was wished.
    pub fn is_at_rest(&self) -> bool {
        self.state.is_settled()
            && (self.files.capture.is_none() || self.state.is_failed())
            && (self.state.is_failed() || self.seen_generation == self.generation || self.runner.is_none())
    }

    /// It is in the pool, running, and its owner has said so: a create may claim it.
    pub fn is_claimable(&self) -> bool {
        self.pool.is_some() && self.organization.is_none() && self.state == State::Started && self.is_at_rest()
    }
}
