//! Which runner takes a sandbox: two random candidates that fit, the less loaded one (design §4).

use crate::{id::RunnerId, sandbox::Resources};

/// A runner as placement sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub id: RunnerId,
    /// Room in all.
    pub capacity: Room,
    /// Room taken, by its own last word.
    pub allocated: Room,
    /// It has the image already.
    pub has_image: bool,
}

/// Room for sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// Whole CPUs, overcommit applied.
    pub cpu: u32,
    /// GiB, never overcommitted.
    pub memory_gib: u32,
    /// GiB.
    pub disk_gib: u32,
    /// How many.
    pub sandboxes: u32,
}

impl Candidate {
    /// It has room, by its own last word; the runner itself has the very last one.
    pub fn fits(&self, need: Resources) -> bool {
        let Room { cpu, memory_gib, disk_gib, sandboxes } = self.allocated;
        cpu + need.cpu <= self.capacity.cpu
            && memory_gib + need.memory_gib <= self.capacity.memory_gib
            && disk_gib + need.disk_gib <= self.capacity.disk_gib
            && sandboxes < self.capacity.sandboxes
    }

    /// Share of memory taken, in 1/1000.
    fn load(&self) -> u32 {
        self.allocated.memory_gib.saturating_mul(1000) / self.capacity.memory_gib.max(1)
    }
}

/// Chooses among `candidates`. `draw(n)` gives a number below `n`, n > 0. The two that are compared are never the same:
/// of two runners the fuller one must not win because it was drawn twice.
pub fn choose(candidates: &[Candidate], need: Resources, mut draw: impl FnMut(usize) -> usize) -> Option<RunnerId> {
    let fitting: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.fits(need)).collect();
    let with_image: Vec<&Candidate> = fitting.iter().copied().filter(|candidate| candidate.has_image).collect();
    let field = if with_image.is_empty() { fitting } else { with_image };
    let (first, second) = match field.len() {
        0 => return None,
        1 => (field[0], field[0]),
        n => {
            let (first, other) = (draw(n), draw(n - 1));
            (field[first], field[if other < first { other } else { other + 1 }])
        }
    };
    Some(if second.load() < first.load() { second.id } else { first.id })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: Resources = Resources { cpu: 1, memory_gib: 2, disk_gib: 3 };

    fn candidate(taken: u32, has_image: bool) -> Candidate {
        Candidate {
            id: RunnerId::random(),
            capacity: Room { cpu: 8, memory_gib: 16, disk_gib: 100, sandboxes: 10 },
            allocated: Room { cpu: 0, memory_gib: taken, disk_gib: 0, sandboxes: 0 },
            has_image,
        }
    }

    #[test]
    fn a_full_runner_is_never_chosen() {
        assert_eq!(choose(&[candidate(15, true)], NEED, |_| 0), None);
    }

    #[test]
    fn the_less_loaded_of_two_wins() {
        let field = [candidate(10, true), candidate(2, true)];
        for drawn in [0, 1] {
            assert_eq!(choose(&field, NEED, |n| drawn.min(n - 1)), Some(field[1].id), "drawn {drawn}");
        }
    }

    #[test]
    fn presence_of_the_image_counts_more_than_load() {
        let field = [candidate(10, true), candidate(0, false)];
        assert_eq!(choose(&field, NEED, |n| n - 1), Some(field[0].id));
    }
}
