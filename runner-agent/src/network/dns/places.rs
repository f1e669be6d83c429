//! Places for those who ask at once: bounded for all together, and for each so that none can take all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The bound; clones share it.
#[derive(Debug, Clone)]
pub struct Places {
    all: usize,
    each: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place, until dropped.
#[derive(Debug)]
pub struct Place {
    of: IpAddr,
    places: Places,
}

impl Places {
    /// `all` together, `each` per address.
    pub fn new(all: usize, each: usize) -> Self {
        Self { all, each, taken: Arc::default() }
    }

    /// None when there is none for this one.
    pub fn enter(&self, of: IpAddr) -> Option<Place> {
        let mut taken = self.lock();
        let (all, own) = (taken.values().sum::<usize>(), taken.get(&of).copied().unwrap_or_default());
        if all >= self.all || own >= self.each {
            return None;
        }
        taken.insert(of, own + 1);
        drop(taken);
        Some(Place { of, places: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(own) = taken.get_mut(&self.of) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_asks_much_leaves_places_for_others() {
        let places = Places::new(5, 3);
        let [greedy, modest] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        let held: Vec<_> = std::iter::from_fn(|| places.enter(greedy)).collect();
        assert_eq!(held.len(), 3);
        let others: Vec<_> = std::iter::from_fn(|| places.enter(modest)).collect();
        assert_eq!(others.len(), 2, "all together are bounded too");
        drop(held);
        assert!(places.enter(modest).is_some());
        drop(others);
        assert!(places.lock().is_empty(), "who asks no more is forgotten");
    }
}
