//! Capture a sandbox's files: frozen while they are packed, running again while they are sent.

use std::time::Duration;

use paddock_wire::work::Captured;
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::{
    sandboxes::{host::Host, state::Body},
    snapshots::{CaptureError, Wanted},
};

/// Between attempts to thaw. It is tried until the engine answers: what stays frozen serves nobody.
const THAW_AGAIN: Duration = Duration::from_millis(500);

/// Captures the files of a container that `runs`, or does not. That it cannot be done is an outcome, not a failure.
///
/// # Errors
/// When it was cancelled, or may go later.
pub async fn capture(
    host: &Host,
    wanted: Wanted,
    body: &Body,
    runs: bool,
    cancel: &CancellationToken,
) -> Result<Captured, Failure> {
    let found = host.engine.inspect(&body.container).await?;
    let found = found.ok_or_else(|| Failure::Unavailable("its container is not there".to_owned()))?;
    let Some(dir) = host.engine.upper_dir(&body.container).await? else {
        let reason = "this runner's container engine does not show the files of containers (overlay2 does)".to_owned();
        return Ok(Captured::Failed { id: wanted.id, reason });
    };
    let freeze = runs && !host.captures.is_packed(wanted.id);
    if freeze {
        host.engine.pause(&body.container).await?;
    }
    let packed = host.captures.pack(wanted, &dir, &found.image, cancel).await;
    if freeze {
        thaw(host, &body.container).await?;
    }
    let captured = match packed {
        Ok(rest) => rest.await,
        Err(error) => Err(error),
    };
    match captured {
        Ok(manifest) => Ok(Captured::Done { manifest }),
        Err(CaptureError::Cancelled) => Err(Failure::Cancelled),
        Err(CaptureError::Unavailable(reason)) => Err(Failure::Unavailable(reason)),
        Err(CaptureError::Refused(reason) | CaptureError::Failed(reason)) => {
            Ok(Captured::Failed { id: wanted.id, reason })
        }
    }
}

async fn thaw(host: &Host, container: &str) -> Result<(), Failure> {
    loop {
        match host.engine.unpause(container).await.map_err(Failure::from) {
            Err(Failure::Unavailable(reason)) => {
                tracing::warn!(container, reason, "still frozen");
                tokio::time::sleep(THAW_AGAIN).await;
            }
            other => return other,
        }
    }
}
