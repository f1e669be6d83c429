//! End a sandbox: for now, for good, or for another placement.

use std::time::Duration;

use uuid::Uuid;

use super::Failure;
use crate::{
    engine::labels::{container_name, lost_name, restoring_name},
    sandboxes::{host::Host, state::Body},
};

/// The daemon passes SIGTERM on and waits 2 s at most; more is for a machine under load.
const GRACE: Duration = Duration::from_secs(10);

/// Ends the container; files and network stay.
///
/// # Errors
/// When the engine cannot.
pub async fn stop(host: &Host, sandbox: Uuid, body: &Body, force: bool) -> Result<(), Failure> {
    let grace = if force { Duration::ZERO } else { GRACE };
    host.engine.stop(&body.container, grace).await?;
    host.holdings.park(sandbox, body.epoch);
    Ok(())
}

/// Removes the container and all that belongs to it. The caller has proof for `epoch`.
///
/// # Errors
/// When the engine cannot, or the tombstone cannot be written.
pub async fn destroy(host: &Host, sandbox: Uuid, body: Option<&Body>, epoch: u64) -> Result<(), Failure> {
    // The tombstone comes first: after a crash in between, a late create must not begin anew.
    host.bury(sandbox, epoch).await.map_err(|error| Failure::Unavailable(format!("journal: {error}")))?;
    if let Some(body) = body {
        host.engine.remove(&body.container).await?;
        host.slots.release(body.slot.clone()).await;
        host.holdings.release(sandbox, body.epoch);
    }
    if let Err(error) = host.files.remove(sandbox).await {
        tracing::warn!(%sandbox, %error, "directory of a destroyed sandbox stays until the next start");
    }
    host.captures.forget(sandbox).await;
    Ok(())
}

/// Removes the container of a sandbox whose files are kept elsewhere, and all that belongs to it. Unlike a destroyed one
/// it may come back, so that there is no tombstone.
///
/// # Errors
/// When the engine cannot.
pub async fn release(host: &Host, sandbox: Uuid, body: &Body) -> Result<(), Failure> {
    host.engine.remove(&body.container).await?;
    host.slots.release(body.slot.clone()).await;
    host.holdings.release(sandbox, body.epoch);
    if let Err(error) = host.files.remove(sandbox).await {
        tracing::warn!(%sandbox, %error, "directory of an archived sandbox stays until the next start");
    }
    host.captures.forget(sandbox).await;
    Ok(())
}

/// Makes room for another placement of the same sandbox; the files of this one stay under another name.
///
/// # Errors
/// When the engine cannot.
pub async fn set_aside(host: &Host, sandbox: Uuid, body: &Body) -> Result<(), Failure> {
    host.engine.stop(&body.container, GRACE).await?;
    host.engine.rename(&body.container, &lost_name(sandbox, body.epoch)).await?;
    // It will not run again, so its network is not needed; its files are.
    host.slots.release(body.slot.clone()).await;
    host.holdings.park(sandbox, body.epoch);
    Ok(())
}

/// Removes what was set aside, or what stands under the sandbox's own name, at an epoch for which there is proof.
///
/// # Errors
/// When the engine cannot.
pub async fn remove_lost(host: &Host, sandbox: Uuid, epoch: u64) -> Result<(), Failure> {
    for name in [lost_name(sandbox, epoch), container_name(sandbox), restoring_name(sandbox)] {
        let found = host.find(&name).await?;
        let proven = found.filter(|found| found.labels.sandbox().is_some_and(|labels| labels.epoch == epoch));
        if let Some(container) = proven {
            host.engine.remove(&container.id).await?;
        }
    }
    host.holdings.release(sandbox, epoch);
    Ok(())
}
