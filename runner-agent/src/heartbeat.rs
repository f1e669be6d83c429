//! Signs of life, with what is held; the answers bring the keys of edges, and ask for inventories.

use std::{sync::Arc, time::Duration};

use paddock_wire::agents::{Capacity, EdgeKey, Heartbeat};
use tokio::{sync::watch, time::Instant};

use crate::{
    control_api::{ControlApi, ControlApiError},
    sandboxes::{
        host::Host,
        inventory::{self, InventoryError},
        registry::Registry,
    },
};

/// Even when all digests agree.
const FULL_INVENTORY: Duration = Duration::from_secs(600);
const UNTIL_REGISTERED: Duration = Duration::from_secs(1);
/// The control plane asks for as long as digests differ; an exchange that did not change that will not do so sooner.
const ASKED_AGAIN: Duration = Duration::from_secs(60);
/// How long keys of edges are good without a word from the control plane: one of them may have been taken over since.
const TRUST_EDGES: Duration = Duration::from_secs(600);

/// What a holder of sandboxes tells.
pub struct Holder {
    /// What is here.
    pub host: Arc<Host>,
    /// Its owners.
    pub registry: Arc<Registry>,
}

/// When inventories were exchanged.
struct Exchanges {
    /// The next one that nobody has to ask for.
    due: Instant,
    /// The digest of the last one, and when it was.
    last: Option<(String, Instant)>,
}

impl Exchanges {
    fn is_due(&self, asked: bool, digest: &str, now: Instant) -> bool {
        let just_done = self.last.as_ref().is_some_and(|(of, at)| of == digest && now < *at + ASKED_AGAIN);
        now >= self.due || (asked && !just_done)
    }

    fn note(&mut self, digest: String, whole: bool, now: Instant) {
        self.last = Some((digest, now));
        if whole {
            self.due = now + FULL_INVENTORY;
        }
    }
}

/// Beats for ever. `holder` is none for a mere edge.
pub async fn beat(api: Arc<ControlApi>, holder: Option<Holder>, edges: watch::Sender<Vec<EdgeKey>>) {
    let mut exchanges = Exchanges { due: Instant::now() + FULL_INVENTORY, last: None };
    let mut heard = Instant::now();
    let mut images = Vec::new();
    loop {
        if let Some(Holder { host, .. }) = &holder {
            // An engine that is away has the images it had.
            images = host.engine.images().await.unwrap_or(images);
        }
        match beat_once(&api, holder.as_ref(), images.clone(), &edges).await {
            Ok(asked) => {
                heard = Instant::now();
                if let Some(holder) = &holder {
                    exchange_if_due(holder, &mut exchanges, asked).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "heartbeat not heard");
                if heard.elapsed() > TRUST_EDGES {
                    distrust(&edges);
                }
            }
        }
        let every = api.session().map(|session| Duration::from_secs(session.heartbeat_seconds.max(1)));
        tokio::time::sleep(every.unwrap_or(UNTIL_REGISTERED)).await;
    }
}

async fn exchange_if_due(Holder { host, registry }: &Holder, exchanges: &mut Exchanges, asked: bool) {
    let digest = host.holdings.digest();
    if !exchanges.is_due(asked, &digest, Instant::now()) {
        return;
    }
    match inventory::exchange(host, registry).await {
        Ok(()) => exchanges.note(digest, true, Instant::now()),
        Err(error) => {
            tracing::error!(%error, "no inventory exchanged");
            // Refused by us it was exchanged; not answered it may be in a moment.
            if matches!(error, InventoryError::Brake { .. }) {
                exchanges.note(digest, false, Instant::now());
            }
        }
    }
}

fn distrust(edges: &watch::Sender<Vec<EdgeKey>>) {
    edges.send_if_modified(|known| {
        let any = !known.is_empty();
        if any {
            tracing::error!("no word from the control plane for long: no edge is trusted");
        }
        known.clear();
        any
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_that_changed_nothing_is_not_sent_with_each_heartbeat() {
        let start = Instant::now();
        let mut exchanges = Exchanges { due: start + FULL_INVENTORY, last: None };
        assert!(!exchanges.is_due(false, "a", start));
        assert!(exchanges.is_due(true, "a", start));
        exchanges.note("a".to_owned(), true, start);
        let soon = start + ASKED_AGAIN / 2;
        assert!(!exchanges.is_due(true, "a", soon));
        assert!(exchanges.is_due(true, "b", soon), "there is news");
        assert!(exchanges.is_due(true, "a", start + ASKED_AGAIN));
        assert!(exchanges.is_due(false, "a", start + FULL_INVENTORY), "even when nobody asks");
    }

    #[test]
    fn edges_are_forgotten_once() {
        let edges = watch::Sender::new(vec![EdgeKey { id: uuid::Uuid::new_v4(), ticket_key: String::new() }]);
        let mut seen = edges.subscribe();
        distrust(&edges);
        assert!(seen.has_changed().unwrap() && seen.borrow_and_update().is_empty());
        distrust(&edges);
        assert!(!seen.has_changed().unwrap());
    }
}
