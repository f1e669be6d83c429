//! The agents that hold sandboxes or answer clients.

use std::time::Duration;

use crate::{
    id::RunnerId,
    placement::{Candidate, Room},
    time::Timestamp,
};

/// A runner whose last heartbeat is older is unresponsive: nothing new is placed there, nothing is moved away.
pub const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(30);

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers clients; holds no sandboxes.
    Edge,
    /// Holds sandboxes.
    Runner,
    /// Both.
    Both,
}

/// An agent as it registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Stable over restarts.
    pub id: RunnerId,
    /// For people.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// What it does.
    pub role: Role,
    /// Software version.
    pub version: String,
    /// Its relay door.
    pub relay_url: String,
    /// Ed25519 public key of its tickets, base64.
    pub ticket_key: String,
    /// What it can hold.
    pub capacity: Room,
    /// Host abilities.
    pub capabilities: Vec<String>,
    /// Where its work is sent.
    pub queue_url: String,
    /// SHA-256 hex of its bearer token.
    pub token_sha256: String,
    /// An operator or EC2 said that it will not come back.
    pub dead: bool,
    /// First registration.
    pub created_at: Timestamp,
    /// Last registration.
    pub updated_at: Timestamp,
}

/// An agent's last sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Whose.
    pub id: RunnerId,
    /// Room taken.
    pub allocated: Room,
    /// Image references present.
    pub images: Vec<String>,
    /// When.
    pub heartbeat_at: Timestamp,
}

impl Runner {
    /// It holds sandboxes.
    pub fn holds_sandboxes(&self) -> bool {
        matches!(self.role, Role::Runner | Role::Both)
    }

    /// It answers clients and signs tickets.
    pub fn is_edge(&self) -> bool {
        matches!(self.role, Role::Edge | Role::Both)
    }

    /// It, as placement sees it, if anything may be placed there now.
    pub fn candidate(&self, load: &Load, image: &str, now: Timestamp) -> Option<Candidate> {
        let responsive = now.since(load.heartbeat_at) <= UNRESPONSIVE_AFTER;
        (self.holds_sandboxes() && !self.dead && responsive).then(|| Candidate {
            id: self.id,
            capacity: self.capacity,
            allocated: load.allocated,
            has_image: load.images.iter().any(|present| present == image),
        })
    }
}
