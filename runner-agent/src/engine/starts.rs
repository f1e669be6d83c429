//! How many containers may be on their way up at once. More than about two per core only makes all of them late.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The bound, shared by all who start containers.
#[derive(Clone)]
pub struct Starts {
    permits: Arc<Semaphore>,
    waiting_or_running: Arc<watch::Sender<usize>>,
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
pub struct Counted(Arc<watch::Sender<usize>>);

impl Starts {
    /// For a machine with so many real CPUs.
    #[must_use]
    pub fn new(cpus: u32) -> Self {
        let bound = usize::try_from(cpus).unwrap_or(1).max(1) * 2;
        Self { permits: Arc::new(Semaphore::new(bound)), waiting_or_running: Arc::new(watch::channel(0).0) }
    }

    /// Waits for its turn.
    pub async fn begin(&self) -> StartPermit {
        let counted = Counted::new(&self.waiting_or_running);
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        StartPermit { _permit: permit.expect("the semaphore is never closed"), counted }
    }

    /// What can wait shall wait, without a turn being taken: a container is up, and its daemon about to answer.
    #[must_use]
    pub fn urgent(&self) -> Counted {
        Counted::new(&self.waiting_or_running)
    }

    /// Waits until nobody starts anything: the time for what can wait.
    pub async fn quiet(&self) {
        let mut count = self.waiting_or_running.subscribe();
        let _sender_lives_in_self = count.wait_for(|count| *count == 0).await;
    }

    /// Waits until nobody starts anything or there is a turn that nobody waits for, which is then taken: for what can
    /// wait, but not for ever.
    pub async fn quiet_or_spare(&self) -> Option<OwnedSemaphorePermit> {
        let mut count = self.waiting_or_running.subscribe();
        loop {
            if *count.borrow_and_update() == 0 {
                return None;
            }
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                return Some(permit);
            }
            let _sender_lives_in_self = count.changed().await;
        }
    }
}

impl Counted {
    fn new(count: &Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
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
