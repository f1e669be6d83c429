//! Capture a sandbox's files: frozen while they are packed, running again while they are sent.

use std::{net::Ipv4Addr, time::Duration};

use paddock_layers::Tree;
use paddock_wire::work::Captured;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Failure;
use crate::{
    engine::{
        ContainerSpec, Kind,
        labels::{Labels, Role, still_name},
    },
    sandboxes::{host::Host, state::Body},
    snapshots::{CaptureError, Rest, Wanted, exports},
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
    let image = found.ok_or_else(|| Failure::Unavailable("its container is not there".to_owned()))?.image;
    let freeze = (runs && !host.captures.is_packed(wanted.id)).then_some(body.container.as_str());
    let packed = match host.engine.upper_dir(&body.container).await? {
        Some(dir) => frozen(host, freeze, host.captures.pack(wanted, &dir, &image, cancel)).await?,
        None => pack_exported(host, wanted, body, freeze, &image, cancel).await?,
    };
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

/// Does it while the container, if there is one to be frozen, is.
async fn frozen<A>(host: &Host, container: Option<&str>, work: impl Future<Output = A>) -> Result<A, Failure> {
    let Some(container) = container else { return Ok(work.await) };
    host.engine.pause(container).await?;
    let done = work.await;
    thaw(host, container).await?;
    Ok(done)
}

/// Where the engine does not show what was changed. It is frozen only until that is found and copied.
async fn pack_exported<'a>(
    host: &'a Host,
    wanted: Wanted,
    body: &Body,
    freeze: Option<&str>,
    image: &str,
    cancel: &'a CancellationToken,
) -> Result<Result<Rest<'a>, CaptureError>, Failure> {
    let dir = host.captures.scratch(wanted.id);
    if !host.captures.is_packed(wanted.id) {
        let base = tree_of_image(host, wanted.id, image, cancel).await;
        let placed = match &base {
            Ok(base) => {
                let placing = exports::place(&*host.engine, &body.container, base, &dir);
                frozen(host, freeze, cancel.run_until_cancelled(placing)).await?.unwrap_or_else(cancelled)
            }
            Err(_) => Ok(()),
        };
        if let Err(error) = base.and(placed) {
            exports::clear(&dir).await;
            return Ok(Err(error));
        }
    }
    let packed = host.captures.pack(wanted, &dir, image, cancel).await;
    exports::clear(&dir).await;
    Ok(packed)
}

fn cancelled<A>() -> Result<A, CaptureError> {
    Err(CaptureError::Cancelled)
}

/// Of a container that is there for a moment only.
async fn tree_of_image(
    host: &Host,
    capture: Uuid,
    image: &str,
    cancel: &CancellationToken,
) -> Result<Tree, CaptureError> {
    let name = still_name(capture);
    if let Some(left) = host.find(&name).await? {
        host.engine.remove(&left.id).await?;
    }
    let labels = Labels {
        deployment: host.deployment.clone(),
        runner: host.runner.clone(),
        address: Ipv4Addr::UNSPECIFIED,
        role: Role::Still,
    };
    let spec = ContainerSpec { name, labels, image: image.to_owned(), kind: Kind::Still };
    let container = host.engine.create(&spec).await?;
    let tree = cancel.run_until_cancelled(exports::tree(&*host.engine, &container)).await.unwrap_or_else(cancelled);
    host.engine.remove(&container).await?;
    tree
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
