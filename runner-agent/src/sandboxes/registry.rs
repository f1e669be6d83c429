//! The way to a sandbox: from its id to its owner task.
//!
//! The edge reads [`Handle::applied`] and waits until it has reached the grant's (epoch, generation); an owner
//! that is behind gets the specification by [`Registry::deliver`] instead of waiting for the queue.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use paddock_wire::work::Work;
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    watch,
};
use uuid::Uuid;

use super::idle::IdleClock;

/// Letters that wait; an owner reads them even while it acts, so that few ever do.
const MAILBOX: usize = 256;

/// What an owner task has made true, published on its watch. Doors compare it with a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Placement that this owner serves.
    pub epoch: u64,
    /// Newest wish of which all is in force, the environment included.
    pub generation: u64,
    /// How the sandbox is now.
    pub phase: Phase,
    /// Owner organization; none while in a warm pool, or not yet known after an agent restart.
    pub organization_id: Option<Uuid>,
}

impl Applied {
    /// The wish of this (epoch, generation), or a newer one, is in force.
    #[must_use]
    pub fn has_reached(&self, epoch: u64, generation: u64) -> bool {
        (self.epoch, self.generation) >= (epoch, generation)
    }

    /// The owner has settled exactly this wish, whatever came of it, and holds the sandbox: telling it once more would
    /// only make it report once more.
    #[must_use]
    pub fn has_settled(&self, epoch: u64, generation: u64) -> bool {
        (self.epoch, self.generation) == (epoch, generation) && self.phase != Phase::Gone
    }
}

/// How a sandbox is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// Being made or started, or not yet looked at.
    #[default]
    Starting,
    /// Its daemon answers at this address.
    Running {
        /// The daemon's toolbox door.
        addr: SocketAddr,
    },
    /// Not running, files kept.
    Stopped,
    /// It cannot be had, and the runner tries no more until a new wish.
    Failed {
        /// For the user.
        reason: String,
    },
    /// Not here any more.
    Gone,
}

/// What others tell an owner task.
#[derive(Debug)]
pub enum Letter {
    /// A copy of the wish, from queue, inventory, verdict or an edge.
    Work(Box<Work>),
    /// Compare with the engine; something may have been missed.
    Look,
    /// The daemon of a running container has not answered for several checks.
    DaemonSilent,
    /// The files of this epoch take more of the disk than they may.
    OverDisk {
        /// Which placement.
        epoch: u64,
        /// For the user.
        reason: String,
    },
    /// The control plane proved that this epoch is destroyed.
    Remove {
        /// Epoch of the proof.
        epoch: u64,
    },
    /// Unknown to the control plane, or of a lost epoch: stop, keep files.
    StopAndKeep {
        /// Epoch of the decision.
        epoch: u64,
    },
}

/// One sandbox, seen from outside its owner task.
#[derive(Debug, Clone)]
pub struct Handle {
    sandbox_id: Uuid,
    mailbox: mpsc::Sender<Letter>,
    applied: watch::Receiver<Applied>,
    idle: Arc<IdleClock>,
}

impl Handle {
    /// Which sandbox.
    #[must_use]
    pub fn sandbox_id(&self) -> Uuid {
        self.sandbox_id
    }

    /// What is in force; clone of a receiver, to be waited on.
    #[must_use]
    pub fn applied(&self) -> watch::Receiver<Applied> {
        self.applied.clone()
    }

    /// The sandbox is in use: renews its idle clock. Cheap; call it for each request and each chunk of a stream.
    pub fn touch(&self) {
        self.idle.touch();
    }

    /// Hands over a copy of the wish; older copies are ignored by the owner. False when the owner has ended.
    pub fn nudge(&self, work: Work) -> bool {
        self.send(Letter::Work(Box::new(work)))
    }

    /// Puts a letter into the owner's mailbox; false when the owner has ended.
    pub fn send(&self, letter: Letter) -> bool {
        match self.mailbox.try_send(letter) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(letter)) => {
                // Looks are repeated by the checks, wishes by the control plane: dropping one here loses nothing.
                tracing::warn!(sandbox = %self.sandbox_id, ?letter, "mailbox is full");
                true
            }
        }
    }
}

/// The owner task's end of a [`Handle`].
#[derive(Debug)]
pub struct OwnerSeat {
    /// Which sandbox.
    pub sandbox_id: Uuid,
    /// Letters, in order.
    pub mailbox: mpsc::Receiver<Letter>,
    /// Where the one publisher of state publishes.
    pub applied: watch::Sender<Applied>,
    /// Last activity.
    pub idle: Arc<IdleClock>,
}

type Seat = Box<dyn Fn(OwnerSeat) + Send + Sync>;

/// All sandboxes of this runner.
pub struct Registry {
    handles: Mutex<BTreeMap<Uuid, Handle>>,
    seat: Seat,
}

impl Registry {
    /// `seat` starts the owner task of a sandbox that had none.
    pub fn new(seat: impl Fn(OwnerSeat) + Send + Sync + 'static) -> Self {
        Self { handles: Mutex::default(), seat: Box::new(seat) }
    }

    /// The registry of a mere edge: it never owns a sandbox, so `get` is always none.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(|mut seat| {
            tracing::error!(sandbox = %seat.sandbox_id, "work for an agent that holds no sandboxes");
            tokio::spawn(async move { while seat.mailbox.recv().await.is_some() {} });
        })
    }

    /// The sandbox's owner, if this runner has one.
    #[must_use]
    pub fn get(&self, sandbox_id: Uuid) -> Option<Handle> {
        self.lock().get(&sandbox_id).cloned()
    }

    /// Hands over a copy of a wish, seating an owner if there is none.
    pub fn deliver(&self, work: Work) -> Handle {
        loop {
            let handle = self.get_or_seat(work.sandbox_id);
            // An owner may end between the two lines; the next round seats a new one.
            if handle.nudge(work.clone()) {
                return handle;
            }
        }
    }

    /// The sandbox's owner; a new one when there is none (or its task has ended).
    pub fn get_or_seat(&self, sandbox_id: Uuid) -> Handle {
        let mut handles = self.lock();
        if let Some(handle) = handles.get(&sandbox_id).filter(|handle| !handle.mailbox.is_closed()) {
            return handle.clone();
        }
        let (mailbox, letters) = mpsc::channel(MAILBOX);
        let (publisher, applied) = watch::channel(Applied::default());
        let idle = Arc::new(IdleClock::new());
        let handle = Handle { sandbox_id, mailbox, applied, idle: Arc::clone(&idle) };
        handles.insert(sandbox_id, handle.clone());
        (self.seat)(OwnerSeat { sandbox_id, mailbox: letters, applied: publisher, idle });
        handle
    }

    /// Every sandbox with an owner task.
    #[must_use]
    pub fn all(&self) -> Vec<Handle> {
        self.lock().values().cloned().collect()
    }

    /// Forgets owners whose task has ended.
    pub fn sweep(&self) {
        self.lock().retain(|_, handle| !handle.mailbox.is_closed());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Handle>> {
        // No code that can panic runs under the lock, so a poisoned map is still whole.
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_is_seated_per_sandbox_until_its_task_ends() {
        let seats = Arc::new(Mutex::new(Vec::new()));
        let registry = Registry::new({
            let seats = Arc::clone(&seats);
            move |seat| seats.lock().unwrap().push(seat)
        });
        let id = Uuid::new_v4();
        assert!(registry.get(id).is_none());
        registry.get_or_seat(id).send(Letter::Look);
        registry.get_or_seat(id).send(Letter::DaemonSilent);
        let mut seat = seats.lock().unwrap().pop().unwrap();
        assert!(seats.lock().unwrap().is_empty());
        assert!(matches!(seat.mailbox.try_recv(), Ok(Letter::Look)));
        assert!(matches!(seat.mailbox.try_recv(), Ok(Letter::DaemonSilent)));
        drop(seat);
        registry.sweep();
        assert!(registry.get(id).is_none());
    }

    #[test]
    fn reaching_compares_placement_before_wish() {
        let applied = Applied { epoch: 2, generation: 5, ..Applied::default() };
        assert!(applied.has_reached(1, 9));
        assert!(applied.has_reached(2, 5));
        assert!(!applied.has_reached(2, 6));
        assert!(!applied.has_reached(3, 0));
        assert!(applied.has_settled(2, 5) && !applied.has_settled(2, 4));
        assert!(!Applied { phase: Phase::Gone, ..applied }.has_settled(2, 5), "it was told to let go, and may not now");
    }
}
