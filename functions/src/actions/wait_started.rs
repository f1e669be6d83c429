//! The answer to a create or start may wait a moment for the report: SDKs poll a second apart, so a short wait here
//! saves them a long one. Bounded in time, and in number, so that waiting requests cannot crowd out the others.

use std::{sync::LazyLock, time::Duration};

use paddock_model::{lifecycle::Desired, sandbox::Detail};
use tokio::{sync::Semaphore, time::Instant};

use super::Error;
use crate::app::App;

/// Between looks.
const STEP: Duration = Duration::from_millis(50);

/// Requests of this process that may wait at once.
static WAITERS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(4));

/// The sandbox once started, or as it is when the wait is over.
pub(super) async fn wait_started(app: &App, mut detail: Detail) -> Result<Detail, Error> {
    let Ok(_turn) = WAITERS.try_acquire() else { return Ok(detail) };
    let end = Instant::now() + app.start_wait;
    while detail.head.runner.is_some()
        && !detail.head.state.is_settled()
        && detail.head.desired == Desired::Started
        && Instant::now() < end
    {
        tokio::time::sleep(STEP).await;
        match app.store.head(detail.head.id).await? {
            Some(stored) => detail.head = stored.sandbox,
            None => return Err(Error::SandboxNotFound(detail.head.id.to_string())),
        }
    }
    match &detail.head.failure {
        Some(failure) if detail.head.state.is_failed() => Err(Error::FailedToStart(failure.reason.clone())),
        _ => Ok(detail),
    }
}
