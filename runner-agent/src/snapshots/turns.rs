//! One at a time in each place: who was dropped may still write for a moment.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

/// Held by all tasks and threads of one try; the next begins when the last of them lets go.
pub type Turn = Arc<OwnedMutexGuard<()>>;

/// Who is where.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<PathBuf, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    pub async fn take(&self, place: &Path) -> Turn {
        let lock = {
            let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            places.retain(|_, lock| lock.strong_count() > 0);
            match places.get(place).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::default();
                    places.insert(place.to_path_buf(), Arc::downgrade(&lock));
                    lock
                }
            }
        };
        Arc::new(lock.lock_owned().await)
    }
}
