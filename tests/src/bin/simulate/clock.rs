//! The time of a simulated world. It stands still while there is something to do, and jumps to the next thing.

use std::{cell::Cell, time::Duration};

use paddock_model::time::Timestamp;
use tokio::time::Instant;

/// When worlds begin: 2026-01-01.
const BEGIN_MS: i64 = 1_767_225_600_000;

thread_local! {
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The world of this thread begins now.
pub fn begin() {
    BEGAN.set(Some(Instant::now()));
}

/// Since the world began.
pub fn elapsed() -> Duration {
    BEGAN.get().map_or(Duration::ZERO, |began| began.elapsed())
}

/// For functions.
pub fn now() -> Timestamp {
    Timestamp(BEGIN_MS + i64::try_from(elapsed().as_millis()).unwrap_or(i64::MAX))
}

/// For agents: seconds since 1970.
pub fn seconds() -> u64 {
    u64::try_from(now().0 / 1000).unwrap_or_default()
}
