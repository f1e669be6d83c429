//! When a sandbox was last used, on the monotonic clock. Never written to the control plane's table.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// Last activity of one sandbox. Touching it is one atomic store, cheap enough for every chunk of a stream.
#[derive(Debug)]
pub struct IdleClock {
    start: Instant,
    last_ms: AtomicU64,
}

impl IdleClock {
    /// Starts as just used: after an agent restart nobody knows better, and stopping too late does less harm.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    /// Used just now.
    pub fn touch(&self) {
        self.last_ms.fetch_max(self.elapsed_ms(), Ordering::Relaxed);
    }

    /// Time since the last use.
    #[must_use]
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed)))
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for IdleClock {
    fn default() -> Self {
        Self::new()
    }
}
