//! Waiting for a state of the world that no event tells a test about.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// After any single fault the stack is whole again within this (acceptance point 3 of issue 2).
pub const CONVERGENCE: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What a look found.
pub enum Look<T> {
    /// It is as wanted.
    Done(T),
    /// Not yet: what was seen instead, for the message.
    NotYet(String),
}

/// Looks until it is as wanted; past the bound an error that says what was seen last.
pub async fn within<T, F, Fut>(bound: Duration, what: &str, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Look<T>>>,
{
    let start = Instant::now();
    loop {
        let seen = match look().await {
            Ok(Look::Done(value)) => return Ok(value),
            Ok(Look::NotYet(seen)) => seen,
            Err(problem) => format!("{problem:#}"),
        };
        if start.elapsed() > bound {
            bail!("{what}: not within {bound:?}; last seen: {seen}");
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
