//! How many requests one sandbox may have open at once, so that one caller cannot use up the edge.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

use super::error::EdgeError;

/// Counts open requests per sandbox.
pub struct Admission {
    limit: usize,
    open: Mutex<HashMap<Uuid, usize>>,
}

impl Admission {
    /// At most `limit` open requests per sandbox.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, open: Mutex::default() })
    }

    /// Counts one request until its [`Place`] is dropped.
    pub fn enter(self: &Arc<Self>, sandbox_id: Uuid) -> Result<Place, EdgeError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(sandbox_id).or_default();
        if *count >= self.limit {
            return Err(EdgeError::TooMany { limit: self.limit });
        }
        *count += 1;
        Ok(Place { admission: Arc::clone(self), sandbox_id })
    }
}

/// One open request.
pub struct Place {
    admission: Arc<Admission>,
    sandbox_id: Uuid,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.sandbox_id) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.sandbox_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back_and_counted_per_sandbox() {
        let admission = Admission::new(2);
        let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
        let first = admission.enter(one).ok();
        let _second = admission.enter(one).ok();
        assert_eq!(admission.enter(one).err(), Some(EdgeError::TooMany { limit: 2 }));
        assert!(admission.enter(other).is_ok());
        drop(first);
        assert!(admission.enter(one).is_ok());
        assert!(!admission.open.lock().unwrap().contains_key(&other));
    }
}
