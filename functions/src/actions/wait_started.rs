//! The answer to a create or start may wait a moment for the report: SDKs poll a second apart, so a short wait here
//! saves them a long one. Bounded in time.

use std::time::Duration;

use paddock_model::{lifecycle::Desired, sandbox::Detail};
use tokio::time::Instant;

use super::Error;
use crate::app::App;

/// Before the first look; doubled after each, since what was not quick will not be quick.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Most of a wait between looks.
const LONGEST_WAIT: Duration = Duration::from_millis(400);

/// The sandbox once started, or as it is when the wait is over.
pub(super) async fn wait_started(app: &App, mut detail: Detail) -> Result<Detail, Error> {
    let end = Instant::now() + app.start_wait;
    let mut wait = FIRST_WAIT;
    while detail.head.runner.is_some()
        && !detail.head.state.is_settled()
        && detail.head.desired == Desired::Started
        && Instant::now() < end
    {
        tokio::time::sleep_until(end.min(Instant::now() + wait)).await;
        wait = LONGEST_WAIT.min(2 * wait);
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
