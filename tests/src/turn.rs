//! Tests that kill processes or switch faults on run alone; all others run side by side.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static TURN: RwLock<()> = RwLock::const_new(());

/// For a test that only uses the stack.
pub async fn shared() -> RwLockReadGuard<'static, ()> {
    TURN.read().await
}

/// For a test that breaks something. Nothing else runs until the guard is dropped.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().await
}
