//! Signs of life, with what is held; the answers bring the keys of edges, and ask for inventories.

use std::{sync::Arc, time::Duration};

use paddock_wire::agents::{Capacity, EdgeKey, Heartbeat};
use tokio::{sync::watch, time::Instant};

use crate::{
    control_api::{ControlApi, ControlApiError},
    sandboxes::{host::Host, inventory, registry::Registry},
};

/// Even when all digests agree.
const FULL_INVENTORY: Duration = Duration::from_secs(600);
const UNTIL_REGISTERED: Duration = Duration::from_secs(1);

/// What a holder of sandboxes tells.
pub struct Holder {
    /// What is here.
    pub host: Arc<Host>,
    /// Its owners.
    pub registry: Arc<Registry>,
}

/// Beats for ever. `holder` is none for a mere edge.
pub async fn beat(api: Arc<ControlApi>, holder: Option<Holder>, edges: watch::Sender<Vec<EdgeKey>>) {
    let mut inventory_due = Instant::now() + FULL_INVENTORY;
    let mut images = Vec::new();
    loop {
        if let Some(Holder { host, .. }) = &holder {
            // An engine that is away has the images it had.
            images = host.engine.images().await.unwrap_or(images);
        }
        match beat_once(&api, holder.as_ref(), images.clone(), &edges).await {
            Ok(asked) => {
                if let Some(holder) = holder.as_ref().filter(|_| asked || Instant::now() >= inventory_due) {
                    match inventory::exchange(&holder.host, &holder.registry).await {
                        Ok(()) => inventory_due = Instant::now() + FULL_INVENTORY,
                        Err(error) => tracing::error!(%error, "no inventory exchanged"),
                    }
                }
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "heartbeat not heard"),
        }
        let every = api.session().map(|session| Duration::from_secs(session.heartbeat_seconds.max(1)));
        tokio::time::sleep(every.unwrap_or(UNTIL_REGISTERED)).await;
    }
}

/// True when an inventory is asked for.
async fn beat_once(
    api: &ControlApi,
    holder: Option<&Holder>,
    images: Vec<String>,
    edges: &watch::Sender<Vec<EdgeKey>>,
) -> Result<bool, ControlApiError> {
    let body = match holder {
        Some(Holder { host, .. }) => {
            Heartbeat { allocated: host.holdings.allocated(), inventory_digest: host.holdings.digest(), images }
        }
        None => Heartbeat { allocated: Capacity::default(), inventory_digest: String::new(), images },
    };
    let answer = api.heartbeat(&body).await?;
    edges.send_if_modified(|before| {
        let changed = *before != answer.edges;
        *before = answer.edges;
        changed
    });
    Ok(answer.send_inventory)
}
