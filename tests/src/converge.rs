//! Waiting for a state of the world that no event tells a test about.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, timeout_at};

/// After any single fault the stack is whole again within this (acceptance point 3 of issue 2).
pub const CONVERGENCE: Duration = Duration::from_secs(60);

/// For what follows no fault, or has its bound by [`after`]: nothing takes so long, only a test that fails does.
pub const PATIENCE: Duration = Duration::from_secs(180);

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What a look found.
pub enum Look<T> {
    /// It is as wanted.
    Done(T),
    /// Not yet: what was seen instead, for the message.
    NotYet(String),
}

/// Everything that follows a fault, in the one bound that all of it has together.
pub async fn after<T>(fault: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
    let whole = timeout_at(fault + CONVERGENCE, work).await;
    whole.with_context(|| format!("not whole again {CONVERGENCE:?} after the fault"))?
}

/// Looks until it is as wanted; past the bound an error that says what was seen last.
pub async fn within<T, F, Fut>(bound: Duration, what: &str, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Look<T>>>,
{
    let end = Instant::now() + bound;
    let mut seen = "nothing".to_owned();
    loop {
        match timeout_at(end, look()).await {
            Ok(Ok(Look::Done(value))) => return Ok(value),
            Ok(Ok(Look::NotYet(now))) => seen = now,
            Ok(Err(problem)) => seen = format!("{problem:#}"),
            Err(_) => bail!("{what}: not within {bound:?}; a look did not end; seen before: {seen}"),
        }
        if Instant::now() > end {
            bail!("{what}: not within {bound:?}; last seen: {seen}");
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
