//! The words an owner thinks in.

use std::net::SocketAddr;

use paddock_wire::work::Work;

use crate::{engine::labels::Size, network::slots::Slot};

/// Which wish: placements first, then wishes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Placement counter.
    pub epoch: u64,
    /// Wish counter.
    pub generation: u64,
}

impl Key {
    /// Of a copy of the wish.
    #[must_use]
    pub fn of(work: &Work) -> Self {
        Self { epoch: work.epoch, generation: work.generation }
    }
}

/// A container that holds a user's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The engine's id.
    pub container: String,
    /// Its network.
    pub slot: Slot,
    /// Placement it was made for.
    pub epoch: u64,
    /// What it takes.
    pub size: Size,
    /// Digest of the environment it was made with.
    pub env_digest: String,
}

/// What there is of a sandbox on this runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// No container.
    Nothing,
    /// A container that does not run.
    Stopped(Body),
    /// A container that runs.
    Running {
        /// The container.
        body: Body,
        /// Where its daemon answers.
        addr: SocketAddr,
        /// Digest of the environment its daemon knows; none until the daemon has answered.
        env: Option<String>,
        /// It is frozen.
        frozen: bool,
    },
}

impl Held {
    /// The container.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        match self {
            Self::Nothing => None,
            Self::Stopped(body) | Self::Running { body, .. } => Some(body),
        }
    }

    /// There is a container and it runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// It runs, and is frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        matches!(self, Self::Running { frozen: true, .. })
    }

    /// It runs, and its daemon has not answered yet.
    #[must_use]
    pub fn awaits_daemon(&self) -> bool {
        matches!(self, Self::Running { env: None, frozen: false, .. })
    }
}

/// What the engine says of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The container.
    pub body: Body,
    /// Where its daemon answers, if it runs.
    pub address: Option<SocketAddr>,
    /// It is frozen.
    pub frozen: bool,
    /// Its pause container runs.
    pub network_runs: bool,
    /// How it ended, for the user.
    pub last_words: String,
}
