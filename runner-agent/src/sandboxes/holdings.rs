//! What this runner holds and how much room is left. The runner has the last word on capacity.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::digest;
use paddock_wire::agents::{Capacity, inventory_lines};
use uuid::Uuid;

use crate::engine::labels::Size;

/// There is no room: what is short, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no room on this runner: {0}")]
pub struct NoRoom(String);

/// All placements on this runner.
pub struct Holdings {
    capacity: Capacity,
    held: Mutex<BTreeMap<(Uuid, u64), Holding>>,
    /// The disk itself is nearly full, whatever was promised of it.
    disk_is_short: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Holding {
    size: Size,
    /// Takes CPU and memory, not only disk.
    active: bool,
}

impl Holdings {
    /// Nothing held.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self { capacity, held: Mutex::default(), disk_is_short: AtomicBool::new(false) }
    }

    /// Room for a placement that is about to run; asking again for one that is held changes nothing.
    ///
    /// # Errors
    /// When there is not enough of something.
    pub fn admit(&self, sandbox: Uuid, epoch: u64, size: Size) -> Result<(), NoRoom> {
        let mut held = self.lock();
        let before = held.remove(&(sandbox, epoch));
        let answer = match before {
            // Its files are here already.
            Some(_) => Ok(()),
            None => self.has_disk(),
        };
        let answer = answer.and_then(|()| fits(self.capacity, sum(&held), size));
        match (&answer, before) {
            (Ok(()), _) => _ = held.insert((sandbox, epoch), Holding { size, active: true }),
            (Err(_), Some(before)) => _ = held.insert((sandbox, epoch), before),
            (Err(_), None) => (),
        }
        answer
    }

    /// Other sizes for one that is held. What becomes smaller, or does not run, needs no room that was not its own.
    ///
    /// # Errors
    /// When there is not enough of something; then it keeps the sizes it had.
    pub fn resize(&self, sandbox: Uuid, epoch: u64, to: Size) -> Result<(), NoRoom> {
        let mut held = self.lock();
        let Some(before) = held.remove(&(sandbox, epoch)) else { return Ok(()) };
        let more = |to: u32, before: u32| to.saturating_sub(before);
        let size = before.size;
        let growth = Size {
            cpu: if before.active { more(to.cpu, size.cpu) } else { 0 },
            memory_gib: if before.active { more(to.memory_gib, size.memory_gib) } else { 0 },
            disk_gib: more(to.disk_gib, size.disk_gib),
        };
        held.insert((sandbox, epoch), before);
        let mut taken = sum(&held);
        // It is counted already.
        taken.sandboxes -= 1;
        let answer = if growth.disk_gib > 0 { self.has_disk() } else { Ok(()) };
        let fits = || if growth == Size::default() { Ok(()) } else { fits(self.capacity, taken, growth) };
        let answer = answer.and_then(|()| fits());
        if answer.is_ok() {
            held.insert((sandbox, epoch), Holding { size: to, active: before.active });
        }
        answer
    }

    /// It exists, found at start: room or not.
    pub fn adopt(&self, sandbox: Uuid, epoch: u64, size: Size, active: bool) {
        self.lock().insert((sandbox, epoch), Holding { size, active });
    }

    /// It no longer runs; its files stay.
    pub fn park(&self, sandbox: Uuid, epoch: u64) {
        if let Some(holding) = self.lock().get_mut(&(sandbox, epoch)) {
            holding.active = false;
        }
    }

    /// It is gone.
    pub fn release(&self, sandbox: Uuid, epoch: u64) {
        self.lock().remove(&(sandbox, epoch));
    }

    /// What is taken, work in flight included. On a disk that is nearly full nothing is left, so that nothing new is
    /// sent here.
    #[must_use]
    pub fn allocated(&self) -> Capacity {
        let taken = sum(&self.lock());
        let disk_gib =
            if self.has_disk().is_ok() { taken.disk_gib } else { taken.disk_gib.max(self.capacity.disk_gib) };
        Capacity { disk_gib, ..taken }
    }

    /// Nothing new is admitted while the disk is nearly full.
    pub fn set_disk_is_short(&self, short: bool) {
        self.disk_is_short.store(short, Ordering::Relaxed);
    }

    /// The disk that a placement was promised, GiB.
    #[must_use]
    pub fn disk_gib(&self, sandbox: Uuid, epoch: u64) -> Option<u32> {
        self.lock().get(&(sandbox, epoch)).map(|holding| holding.size.disk_gib)
    }

    fn has_disk(&self) -> Result<(), NoRoom> {
        let short = self.disk_is_short.load(Ordering::Relaxed);
        if short { Err(NoRoom("its disk is nearly full".to_owned())) } else { Ok(()) }
    }

    /// SHA-256 hex over what is held, as heartbeats carry it.
    #[must_use]
    pub fn digest(&self) -> String {
        let lines = inventory_lines(self.lock().keys().copied());
        hex::encode(digest::digest(&digest::SHA256, lines.as_bytes()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Uuid, u64), Holding>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sum(held: &BTreeMap<(Uuid, u64), Holding>) -> Capacity {
    held.values().fold(Capacity::default(), |total, Holding { size, active }| Capacity {
        cpu: total.cpu + if *active { size.cpu } else { 0 },
        memory_gib: total.memory_gib + if *active { size.memory_gib } else { 0 },
        disk_gib: total.disk_gib + size.disk_gib,
        sandboxes: total.sandboxes + 1,
    })
}

fn fits(capacity: Capacity, taken: Capacity, size: Size) -> Result<(), NoRoom> {
    let wants = [
        ("CPU", taken.cpu, size.cpu, capacity.cpu),
        ("GiB of memory", taken.memory_gib, size.memory_gib, capacity.memory_gib),
        ("GiB of disk", taken.disk_gib, size.disk_gib, capacity.disk_gib),
        ("sandboxes", taken.sandboxes, 1, capacity.sandboxes),
    ];
    for (what, taken, more, limit) in wants {
        if taken.saturating_add(more) > limit {
            return Err(NoRoom(format!("{taken} of {limit} {what} taken, {more} more wanted")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAPACITY: Capacity = Capacity { cpu: 8, memory_gib: 4, disk_gib: 100, sandboxes: 5 };

    fn size(memory_gib: u32) -> Size {
        Size { cpu: 1, memory_gib, disk_gib: 3 }
    }

    #[test]
    fn a_parked_sandbox_keeps_its_disk_and_must_ask_again_for_memory() {
        let holdings = Holdings::new(CAPACITY);
        let (a, b) = (Uuid::new_v4(), Uuid::new_v4());
        holdings.admit(a, 1, size(3)).unwrap();
        assert!(holdings.admit(b, 1, size(2)).is_err());
        holdings.park(a, 1);
        assert_eq!(holdings.allocated(), Capacity { cpu: 0, memory_gib: 0, disk_gib: 3, sandboxes: 1 });
        holdings.admit(b, 1, size(2)).unwrap();
        assert!(holdings.admit(a, 1, size(3)).is_err());
        assert_eq!(holdings.allocated().sandboxes, 2, "refusing to start does not forget the files");
    }

    #[test]
    fn a_disk_that_is_nearly_full_takes_nothing_new() {
        let holdings = Holdings::new(CAPACITY);
        let (a, b) = (Uuid::new_v4(), Uuid::new_v4());
        holdings.admit(a, 1, size(1)).unwrap();
        holdings.set_disk_is_short(true);
        assert!(holdings.admit(b, 1, size(1)).is_err());
        assert_eq!(holdings.allocated().disk_gib, CAPACITY.disk_gib, "nothing is placed here");
        holdings.park(a, 1);
        holdings.admit(a, 1, size(1)).unwrap();
        let grown = |disk_gib| Size { disk_gib, ..size(2) };
        holdings.resize(a, 1, grown(3)).unwrap();
        assert!(holdings.resize(a, 1, grown(4)).is_err());
        holdings.set_disk_is_short(false);
        holdings.admit(b, 1, size(1)).unwrap();
        assert_eq!(holdings.disk_gib(a, 1), Some(3));
    }

    #[test]
    fn the_digest_is_over_sorted_lines() {
        let holdings = Holdings::new(CAPACITY);
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        holdings.adopt(b, 2, size(1), true);
        holdings.adopt(a, 1, size(1), false);
        let expected = digest::digest(&digest::SHA256, format!("{a} 1\n{b} 2\n").as_bytes());
        assert_eq!(holdings.digest(), hex::encode(expected));
    }

    proptest! {
        #[test]
        fn memory_is_never_overcommitted(steps in prop::collection::vec((0u128..6, 0u8..3, 1u32..4), 1..60)) {
            let holdings = Holdings::new(CAPACITY);
            for (sandbox, step, memory_gib) in steps {
                let sandbox = Uuid::from_u128(sandbox);
                match step {
                    0 => _ = holdings.admit(sandbox, 1, size(memory_gib)),
                    1 => holdings.park(sandbox, 1),
                    _ => holdings.release(sandbox, 1),
                }
                prop_assert!(holdings.allocated().memory_gib <= CAPACITY.memory_gib);
                prop_assert!(holdings.allocated().sandboxes <= CAPACITY.sandboxes);
            }
        }
    }
}
