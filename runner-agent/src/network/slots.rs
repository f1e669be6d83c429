//! Places for sandboxes: a pause container with an address, made before anyone asks.
//!
//! Docker needs about 100 ms to build a private network; a sandbox that joins a ready namespace skips that.
//! The stock is filled again only while nothing else is being started.

use std::{
    collections::{HashMap, VecDeque},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use uuid::Uuid;

use super::{addresses::Addresses, firewall};
use crate::engine::{
    Container, ContainerSpec, Engine, EngineError, Kind, Network,
    labels::{Labels, Role, pause_name},
    starts::Starts,
};

/// When the engine is away, the stock is filled later.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);

/// A running pause container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Id of the pause container.
    pub pause: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// What every pause container is made from.
#[derive(Debug, Clone)]
pub struct SlotSpec {
    /// Deployment, for labels.
    pub deployment: String,
    /// Runner, for labels.
    pub runner: String,
    /// Image whose entry point waits.
    pub image: String,
    /// Name of the network to join.
    pub network: String,
    /// How many to keep in stock.
    pub stock: usize,
}

/// All slots of this runner.
pub struct Slots {
    engine: Arc<dyn Engine>,
    spec: SlotSpec,
    real_network: bool,
    starts: Starts,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    addresses: Addresses,
    stock: VecDeque<Slot>,
    /// Pause container → the sandbox that uses it.
    tenants: HashMap<String, Uuid>,
    /// To be removed once the engine answers again.
    garbage: Vec<Slot>,
    /// Pause containers that were nobody's at the last sweep.
    strangers: Vec<String>,
}

impl Slots {
    /// Empty stock; `fill` makes it full.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, spec: SlotSpec, network: &Network, starts: Starts) -> Self {
        let addresses = Addresses::new(network.subnet, network.gateway);
        Self {
            engine,
            spec,
            real_network: network.bridge.is_some(),
            starts,
            state: Mutex::new(State {
                addresses,
                stock: VecDeque::new(),
                tenants: HashMap::new(),
                garbage: Vec::new(),
                strangers: Vec::new(),
            }),
            changed: Notify::new(),
        }
    }

    /// Takes over what an earlier agent left: running pause containers that no sandbox uses go to stock, those that do
    /// not run are removed.
    pub async fn adopt(&self, containers: &[Container]) {
        let used: Vec<_> = containers.iter().filter_map(|each| Some(&each.labels.sandbox()?.pause)).collect();
        for container in containers {
            self.state().addresses.claim(container.labels.address);
            if let Some(sandbox) = container.labels.sandbox() {
                self.state().tenants.insert(sandbox.pause.clone(), sandbox.sandbox);
            }
            if container.labels.role != Role::Pause || used.contains(&&container.id) {
                continue;
            }
            let slot = Slot { pause: container.id.clone(), address: container.labels.address };
            // One that was renamed served a sandbox once: whose connections it may still have.
            let stock = container.running && self.state().stock.len() < self.spec.stock;
            if stock {
                self.state().stock.push_back(slot);
            } else {
                self.release(slot).await;
            }
        }
    }

    /// One from stock, else one made now.
    ///
    /// # Errors
    /// When stock is empty and the engine cannot make one.
    pub async fn take(&self, tenant: Uuid) -> Result<Slot, EngineError> {
        let from_stock = self.state().stock.pop_front();
        self.changed.notify_one();
        let slot = match from_stock {
            Some(slot) => slot,
            None => self.make().await?,
        };
        self.state().tenants.insert(slot.pause.clone(), tenant);
        Ok(slot)
    }

    /// Back to stock: nothing has used it.
    pub fn give_back(&self, slot: Slot) {
        let mut state = self.state();
        state.tenants.remove(&slot.pause);
        state.stock.push_back(slot);
    }

    /// Who uses this pause container.
    #[must_use]
    pub fn tenant(&self, pause: &str) -> Option<Uuid> {
        self.state().tenants.get(pause).copied()
    }

    /// Removes the pause container; its address rests.
    pub async fn release(&self, slot: Slot) {
        self.state().tenants.remove(&slot.pause);
        if let Err(error) = self.engine.remove(&slot.pause).await {
            tracing::warn!(%error, address = %slot.address, "pause container stays for now");
            self.state().garbage.push(slot);
            self.changed.notify_one();
            return;
        }
        if self.real_network {
            firewall::forget_connections(slot.address).await;
        }
        self.state().addresses.release(slot.address, Instant::now());
    }

    /// A pause container died; if it was stock, it is nobody's any more.
    pub fn forget(&self, pause: &str) {
        let mut state = self.state();
        if let Some(index) = state.stock.iter().position(|slot| slot.pause == pause) {
            let slot = state.stock.remove(index);
            state.garbage.extend(slot);
            self.changed.notify_one();
        }
    }

    /// Removes pause containers that are nobody's: made by a call whose answer was lost. They must be nobody's twice
    /// in a row, because one that is being made now is not known yet.
    pub async fn sweep(&self, containers: &[Container]) {
        let nobodys: Vec<_> = {
            let mut state = self.state();
            let pauses = containers.iter().filter(|each| each.labels.role == Role::Pause);
            let used_by_label: Vec<_> =
                containers.iter().filter_map(|each| Some(&each.labels.sandbox()?.pause)).collect();
            let known = |id: &String| {
                state.tenants.contains_key(id)
                    || used_by_label.contains(&id)
                    || state.stock.iter().any(|slot| slot.pause == *id)
            };
            let unknown: Vec<_> = pauses.filter(|each| !known(&each.id)).map(|each| each.id.clone()).collect();
            let before = std::mem::replace(&mut state.strangers, unknown.clone());
            unknown.into_iter().filter(|id| before.contains(id)).collect()
        };
        for id in nobodys {
            tracing::info!(pause = id, "removing a pause container that is nobody's");
            if let Err(error) = self.engine.remove(&id).await {
                tracing::warn!(%error, "it stays for now");
            }
        }
    }

    /// Keeps the stock full and removes garbage, for ever.
    pub async fn keep_filled(&self) {
        loop {
            match self.fill_by_one().await {
                Ok(true) => {}
                Ok(false) => self.changed.notified().await,
                Err(error) => {
                    tracing::warn!(%error, "cannot fill the stock of networks");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    /// False when there is nothing to do.
    async fn fill_by_one(&self) -> Result<bool, EngineError> {
        let garbage = self.state().garbage.pop();
        if let Some(slot) = garbage {
            self.engine.remove(&slot.pause).await.inspect_err(|_| self.state().garbage.push(slot.clone()))?;
            self.state().addresses.release(slot.address, Instant::now());
            return Ok(true);
        }
        if self.state().stock.len() >= self.spec.stock {
            return Ok(false);
        }
        self.starts.quiet().await;
        let slot = self.make().await?;
        self.give_back(slot);
        Ok(true)
    }

    async fn make(&self) -> Result<Slot, EngineError> {
        let address = self.state().addresses.take(Instant::now());
        let address = address.ok_or_else(|| EngineError::Rejected("no free address on this runner".to_owned()))?;
        let spec = ContainerSpec {
            name: pause_name(Uuid::new_v4()),
            labels: Labels {
                deployment: self.spec.deployment.clone(),
                runner: self.spec.runner.clone(),
                address,
                role: Role::Pause,
            },
            image: self.spec.image.clone(),
            kind: Kind::Pause { network: self.spec.network.clone(), address },
        };
        let made = self.engine.create(&spec).await;
        let pause = made.inspect_err(|_| self.state().addresses.release(address, Instant::now()))?;
        let slot = Slot { pause, address };
        if let Err(error) = self.engine.start(&slot.pause).await {
            self.release(slot).await;
            return Err(error);
        }
        Ok(slot)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::engine::{NetworkSpec, fake::FakeEngine};

    async fn slots(engine: &FakeEngine, stock: usize) -> Slots {
        let spec = NetworkSpec {
            deployment: "d".to_owned(),
            runner: "r".to_owned(),
            name: "n".to_owned(),
            bridge: "b".to_owned(),
            subnet: "10.0.0.0/24".parse().unwrap(),
        };
        let network = engine.ensure_network(&spec).await.unwrap();
        let spec = SlotSpec {
            deployment: spec.deployment,
            runner: spec.runner,
            image: "pause".to_owned(),
            network: spec.name,
            stock,
        };
        Slots::new(Arc::new(engine.clone()), spec, &network, Starts::new(2))
    }

    #[tokio::test]
    async fn stock_is_filled_used_and_filled_again() {
        let engine = FakeEngine::new(&["pause"]);
        let slots = slots(&engine, 2).await;
        while slots.fill_by_one().await.unwrap() {}
        assert_eq!(engine.names().len(), 2);
        let taken = slots.take(Uuid::new_v4()).await.unwrap();
        assert_eq!(engine.ever_created(), 2, "from stock");
        while slots.fill_by_one().await.unwrap() {}
        assert_eq!(engine.ever_created(), 3);
        slots.release(taken).await;
        assert_eq!(engine.names().len(), 2);
    }

    #[tokio::test]
    async fn stock_waits_while_something_starts() {
        let engine = FakeEngine::new(&["pause"]);
        let slots = slots(&engine, 1).await;
        let start = slots.starts.begin().await;
        assert!(slots.fill_by_one().now_or_never().is_none());
        drop(start);
        assert!(slots.fill_by_one().await.unwrap());
    }

    #[tokio::test]
    async fn a_slot_that_could_not_be_removed_is_removed_later() {
        let engine = FakeEngine::new(&["pause"]);
        let slots = slots(&engine, 0).await;
        let slot = slots.take(Uuid::new_v4()).await.unwrap();
        engine.set_away(true);
        slots.release(slot).await;
        engine.set_away(false);
        while slots.fill_by_one().await.unwrap() {}
        assert!(engine.names().is_empty());
    }

    #[tokio::test]
    async fn a_new_agent_takes_over_the_stock_of_an_old_one() {
        let engine = FakeEngine::new(&["pause"]);
        let old = slots(&engine, 2).await;
        while old.fill_by_one().await.unwrap() {}
        engine.lose(&engine.names()[0].0, 137, false);
        let new = slots(&engine, 2).await;
        new.adopt(&engine.list("d", "r").await.unwrap()).await;
        assert_eq!(engine.names().len(), 1, "the dead one is removed");
        new.take(Uuid::new_v4()).await.unwrap();
        assert_eq!(engine.ever_created(), 2);
    }
}
