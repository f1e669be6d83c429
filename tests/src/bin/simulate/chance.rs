//! Choices of the world, drawn from the seed that the program under test draws from too.

use std::{cell::Cell, time::Duration};

use paddock_model::entropy;

thread_local! {
    static CALM: Cell<bool> = const { Cell::new(false) };
}

/// From now on nothing goes wrong by itself.
pub fn calm() {
    CALM.set(true);
}

/// Things may go wrong again.
pub fn unsettle() {
    CALM.set(false);
}

/// True in so many of a thousand cases.
pub fn permille(share: u64) -> bool {
    entropy::below(1000) < share
}

/// The same for what goes wrong by itself: never once the world is calm.
pub fn mishap(share: u64) -> bool {
    !CALM.get() && permille(share)
}

/// Up to this long.
pub fn span(most: Duration) -> Duration {
    Duration::from_millis(entropy::below(u64::try_from(most.as_millis()).unwrap_or(u64::MAX) + 1))
}

/// What a network or a disk takes: most often milliseconds, sometimes long.
pub async fn latency() {
    let most = if mishap(20) { 3000 } else { 20 };
    tokio::time::sleep(span(Duration::from_millis(most))).await;
}

/// One of these.
pub fn pick<T>(from: &[T]) -> Option<&T> {
    from.get(entropy::index(from.len()))
}
