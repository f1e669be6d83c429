//! What was read a moment ago and changes rarely: runners, organizations, snapshots, pools. Kept a few seconds per process, so
//! that a create does not read them anew.
//!
//! What is decided by it may be that old: after a suspension, a declared death, an operator's word on a runner, a new
//! token, a smaller pool or another image, other processes go on as before for up to five seconds. That is bearable where the truth is asked for once more:
//! a runner has the last word on its room and serves only what names its epoch, a claim is a condition on the head, what
//! was placed on a dead runner is taken from it by the sweep. Where a stale no would hurt, the item is read anew.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use paddock_model::{
    access::Organization,
    id::{OrganizationId, RunnerId},
    runner::{Load, Runner},
    snapshot::{Pool, Snapshot},
    time::Timestamp,
};

/// How long a value may be used.
const FRESH: Duration = Duration::from_secs(5);

/// More entries than this are thrown away together: the memory of a process is small.
const MOST: usize = 1000;

/// The values of this process.
#[derive(Default)]
pub struct Recent {
    /// Agents by id.
    pub runners: Kept<RunnerId, Runner>,
    /// All agents of a region, with their last signs of life.
    pub regions: Kept<String, Vec<(Runner, Load)>>,
    /// Organizations.
    pub organizations: Kept<OrganizationId, Organization>,
    /// Snapshots by organization and by id or name as given.
    pub snapshots: Kept<(OrganizationId, String), Snapshot>,
    /// Pools by id; none = there is no such pool.
    pub pools: Kept<String, Option<Pool>>,
}

/// Values by key, each for a few seconds.
pub struct Kept<K, V>(Mutex<HashMap<K, (Timestamp, V)>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq, V: Clone> Kept<K, V> {
    /// The value, if it is fresh. By the app's clock: a process may have been frozen in between.
    pub fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, value) = values.get(key)?;
        (now.since(*read_at) < FRESH).then(|| value.clone())
    }

    /// It was changed by this process.
    pub fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Keeps a value just read.
    pub fn put(&self, key: K, value: V, now: Timestamp) {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() >= MOST {
            values.clear();
        }
        values.insert(key, (now, value));
    }
}
