//! How many containers may be on their way up at once. More than about two per core only makes all of them late.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The bound, shared by all who start containers.
#[derive(Clone)]
pub struct Starts {
    permits: Arc<Semaphore>,
    urgent: Arc<Urgent>,
}

/// Starts that wait or run. Not a `watch`: that wakes in an order of its own, which no simulation could repeat.
#[derive(Default)]
struct Urgent {
    count: AtomicUsize,
    changed: Notify,
}

/// One start on its way.
pub struct StartPermit {
    _permit: OwnedSemaphorePermit,
    counted: Counted,
}

impl StartPermit {
    /// The start is done, and what follows is urgent still.
    #[must_use]
    pub fn into_counted(self) -> Counted {
        self.counted
    }
}

/// Something urgent is going on; ends when dropped.
pub struct Counted(Arc<Urgent>);

impl Starts {
    /// For a machine with so many real CPUs.
    #[must_use]
    pub fn new(cpus: u32) -> Self {
        let bound = usize::try_from(cpus).unwrap_or(1).max(1) * 2;
        Self { permits: Arc::new(Semaphore::new(bound)), urgent: Arc::default() }
    }

    /// Waits for its turn.
    pub async fn begin(&self) -> StartPermit {
        let counted = Counted::new(&self.urgent);
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        StartPermit { _permit: permit.expect("the semaphore is never closed"), counted }
    }

    /// What can wait shall wait, without a turn being taken: a container is up, and its daemon about to answer.
    #[must_use]
    pub fn urgent(&self) -> Counted {
        Counted::new(&self.urgent)
    }

    /// Waits until nobody starts anything: the time for what can wait.
    pub async fn quiet(&self) {
        self.urgent.until(|count| (count == 0).then_some(())).await;
    }

    /// Waits until nobody starts anything or there is a turn that nobody waits for, which is then taken: for what can
    /// wait, but not for ever.
    pub async fn quiet_or_spare(&self) -> Option<OwnedSemaphorePermit> {
        let quiet_or_spare = |count| match count {
            0 => Some(None),
            _ => Arc::clone(&self.permits).try_acquire_owned().ok().map(Some),
        };
        self.urgent.until(quiet_or_spare).await
    }
}

impl Urgent {
    /// Waits until the count, looked at after each change, brings something.
    async fn until<A>(&self, mut look: impl FnMut(usize) -> Option<A>) -> A {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            if let Some(found) = look(self.count.load(Ordering::SeqCst)) {
                return found;
            }
            changed.await;
        }
    }
}

impl Counted {
    fn new(urgent: &Arc<Urgent>) -> Self {
        urgent.count.fetch_add(1, Ordering::SeqCst);
        urgent.changed.notify_waiters();
        Self(Arc::clone(urgent))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_can_wait_waits_for_those_in_line_too() {
        let starts = Starts::new(1);
        let first = starts.begin().await;
        let _second = starts.begin().await;
        let mut third = Box::pin(starts.begin());
        assert!(third.as_mut().now_or_never().is_none(), "two at once on one core");
        assert!(starts.quiet().now_or_never().is_none());
        drop(first);
        drop(third.await);
        assert!(starts.quiet().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_spare_turn_is_one_that_nobody_waits_for() {
        let starts = Starts::new(1);
        assert!(starts.quiet_or_spare().now_or_never().unwrap().is_none(), "it is quiet");
        let first = starts.begin().await;
        let spare = starts.quiet_or_spare().now_or_never().unwrap();
        assert!(spare.is_some());
        assert!(starts.quiet_or_spare().now_or_never().is_none(), "both turns are taken");
        drop(spare);
        let urgent = first.into_counted();
        assert!(starts.quiet().now_or_never().is_none(), "done, and urgent still");
        drop(urgent);
        assert!(starts.quiet().now_or_never().is_some());
    }
}
