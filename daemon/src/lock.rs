//! A mutex whose content is whole whenever it is free: a panic while it was held changes nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for its turn.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
