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
    /// An operator wants nothing new there; what is there stays.
    pub unschedulable: bool,
    /// An operator wants it empty: nothing new, and what rests there leaves.
    pub draining: bool,
    /// First registration.
    pub created_at: Timestamp,
    /// Last registration, or an operator's last word.
    pub updated_at: Timestamp,
}

/// An operator's word on a runner. Registering anew takes back only the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing new is placed there; or that is over.
    Unschedulable(bool),
    /// It becomes empty; or that is over.
    Draining(bool),
    /// It will not come back.
    Dead,
}

/// How a runner is: the wire's `RunnerState`, of which two never happen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It gives signs of life.
    Ready,
    /// It is silent.
    Unresponsive,
    /// It was declared dead.
    Dead,
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

    /// How it is, by its last sign of life.
    pub fn condition(&self, load: Option<&Load>, now: Timestamp) -> Condition {
        match load {
            _ if self.dead => Condition::Dead,
            Some(load) if now.since(load.heartbeat_at) <= UNRESPONSIVE_AFTER => Condition::Ready,
            Some(_) | None => Condition::Unresponsive,
        }
    }

    /// It gives signs of life, and nobody keeps sandboxes from it.
    pub fn takes_sandboxes(&self, load: &Load, now: Timestamp) -> bool {
        let kept_free = self.unschedulable || self.draining;
        self.holds_sandboxes() && !kept_free && self.condition(Some(load), now) == Condition::Ready
    }

    /// It, as placement sees it, if anything may be placed there now.
    pub fn candidate(&self, load: &Load, image: &str, now: Timestamp) -> Option<Candidate> {
        self.takes_sandboxes(load, now).then(|| Candidate {
            id: self.id,
            capacity: self.capacity,
            allocated: load.allocated,
            has_image: load.images.iter().any(|present| present == image),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(100_000);

    fn runner() -> Runner {
        Runner {
            id: RunnerId::random(),
            name: "r".into(),
            region: "local".into(),
            role: Role::Both,
            version: "0".into(),
            relay_url: String::new(),
            ticket_key: String::new(),
            capacity: Room { cpu: 8, memory_gib: 8, disk_gib: 8, sandboxes: 8 },
            capabilities: Vec::new(),
            queue_url: String::new(),
            token_sha256: String::new(),
            dead: false,
            unschedulable: false,
            draining: false,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn load(runner: &Runner, age: Duration) -> Load {
        Load { id: runner.id, allocated: Room::default(), images: Vec::new(), heartbeat_at: NOW.before(age) }
    }

    #[test]
    fn who_is_marked_is_no_candidate() {
        let good = runner();
        let load = load(&good, Duration::ZERO);
        assert!(good.candidate(&load, "", NOW).is_some());
        let kept_free = Runner { unschedulable: true, ..good.clone() };
        let draining = Runner { draining: true, ..good.clone() };
        let dead = Runner { dead: true, ..good };
        for marked in [kept_free, draining, dead] {
            assert_eq!(marked.candidate(&load, "", NOW), None, "{marked:?}");
        }
    }

    #[test]
    fn silence_and_death_are_told_apart() {
        let it = runner();
        let (fresh, old) = (load(&it, UNRESPONSIVE_AFTER), load(&it, UNRESPONSIVE_AFTER + Duration::from_secs(1)));
        assert_eq!(it.condition(Some(&fresh), NOW), Condition::Ready);
        assert_eq!(it.condition(Some(&old), NOW), Condition::Unresponsive);
        assert_eq!(it.condition(None, NOW), Condition::Unresponsive);
        assert_eq!(Runner { dead: true, ..it }.condition(Some(&fresh), NOW), Condition::Dead);
    }
}
