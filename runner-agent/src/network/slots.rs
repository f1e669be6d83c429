//! Places for sandboxes: a pause container with an address, made before anyone asks.
//!
//! Docker needs about 100 ms to build a private network; a sandbox that joins a ready namespace skips that.
//! The stock is filled again only while nothing else is being started, or, once it is empty, with a turn that nobody
//! waits for.
//!
//! * [`demand`] how many to keep in stock
//! * [`garbage`] what is to be removed, and when

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use paddock_model::entropy;
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use self::{demand::Demand, garbage::Garbage};
use super::{addresses::Addresses, firewall};
use crate::engine::{
    Container, ContainerSpec, Engine, EngineError, Kind, Network,
    labels::{Labels, Role, pause_name},
    starts::Starts,
};

mod demand;
mod garbage;
#[cfg(test)]
mod tests;

/// When the engine is away, the stock is filled later.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);

/// A pause container and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Id of the pause container.
    pub pause: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// Why there is no slot.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// All addresses are used, or rest.
    #[error("no free address on this runner")]
    NoAddress,
    /// The engine cannot make one.
    #[error(transparent)]
    Engine(#[from] EngineError),
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
    /// How many to keep in stock at least.
    pub stock: usize,
}

/// All slots of this runner.
pub struct Slots {
    engine: Arc<dyn Engine>,
    spec: SlotSpec,
    real_network: bool,
    starts: Starts,
    state: Mutex<State>,
    /// Stock may have to be made.
    changed: Notify,
    /// There is garbage.
    discarded: Notify,
}

struct State {
    addresses: Addresses,
    stock: VecDeque<Slot>,
    demand: Demand,
    /// Pause container → the sandbox that uses it.
    tenants: BTreeMap<String, Uuid>,
    garbage: Garbage,
    /// Addresses whose pause container is being made: the engine has it before we know its id.
    making: BTreeSet<Ipv4Addr>,
    /// Pause containers that were nobody's at the last sweep.
    strangers: Vec<String>,
}

impl Slots {
    /// Nothing in stock yet: [`Slots::keep_filled`] makes it.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, spec: SlotSpec, network: &Network, starts: Starts) -> Self {
        let state = State {
            addresses: Addresses::new(network.subnet, network.gateway),
            stock: VecDeque::new(),
            demand: Demand::default(),
            tenants: BTreeMap::new(),
            garbage: Garbage::default(),
            making: BTreeSet::new(),
            strangers: Vec::new(),
        };
        Self {
            engine,
            spec,
            real_network: network.bridge.is_some(),
            starts,
            state: Mutex::new(state),
            changed: Notify::new(),
            discarded: Notify::new(),
        }
    }

    /// Takes over what an earlier agent left: which addresses are held, and by whose pause containers. Those that no
    /// sandbox uses are removed. Some of them may have served one, and nothing tells which: a container has its
    /// sandbox's name only once there was time for that.
    pub fn adopt(&self, containers: &[Container]) {
        let mut state = self.state();
        for sandbox in containers.iter().filter_map(|each| each.labels.sandbox()) {
            state.tenants.insert(sandbox.pause.clone(), sandbox.sandbox);
        }
        for container in containers.iter().filter(|each| each.labels.role == Role::Pause) {
            state.addresses.claim(container.labels.address);
            if !state.tenants.contains_key(&container.id) {
                state.garbage.put(slot_of(container), Instant::now());
            }
        }
        self.discarded.notify_one();
    }

    /// One from stock, else one made now.
    ///
    /// # Errors
    /// When stock is empty and none can be made.
    pub async fn take(&self, tenant: Uuid) -> Result<Slot, SlotError> {
        let from_stock = {
            let mut state = self.state();
            state.demand.note(Instant::now());
            state.stock.pop_front()
        };
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

    /// Removes the pause container, now or later; its address rests then.
    pub async fn release(&self, slot: Slot) {
        self.state().tenants.remove(&slot.pause);
        if let Err(error) = self.remove(&slot).await {
            tracing::warn!(%error, address = %slot.address, "pause container stays for now");
            self.state().garbage.put(slot, Instant::now());
            self.discarded.notify_one();
        }
    }

    /// A pause container died; if it was stock, it is nobody's any more.
    pub fn forget(&self, pause: &str) {
        if self.state().discard(|slot| slot.pause == pause) {
            self.tell_discarded();
        }
    }

    /// Puts away stock that does not run, as after a restart of the engine, and removes pause containers that are
    /// nobody's: made by a call whose answer was lost. They must be nobody's twice in a row, because one may change
    /// hands between the listing and this.
    pub async fn sweep(&self, containers: &[Container]) {
        let runs = |slot: &Slot| containers.iter().any(|each| each.id == slot.pause && each.running);
        if self.state().discard(|slot| !runs(slot)) {
            self.tell_discarded();
        }
        let strangers = self.state().strangers(containers);
        for stranger in strangers {
            tracing::info!(pause = stranger.pause, "removing a pause container that is nobody's");
            // Its address is not released: it was when the call failed, and may be another's by now.
            match self.engine.remove(&stranger.pause).await {
                Ok(()) => self.forget_connections(stranger.address).await,
                Err(error) => tracing::warn!(%error, "it stays for now"),
            }
        }
    }

    /// Keeps the stock full, for ever.
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

    /// Removes garbage, for ever.
    pub async fn collect_garbage(&self) {
        loop {
            let due = self.collect_due(Instant::now()).await;
            let wait = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = wait => {}
                () = self.discarded.notified() => {}
            }
        }
    }

    /// Tries to remove what is due; when to try again.
    async fn collect_due(&self, now: Instant) -> Option<Instant> {
        loop {
            let piece = self.state().garbage.take(now);
            let Some(piece) = piece else { return self.state().garbage.due() };
            if let Err(error) = self.remove(&piece.slot).await {
                tracing::warn!(%error, address = %piece.slot.address, "pause container stays for now");
                self.state().garbage.put_back(piece, now);
            }
        }
    }

    /// False when there is nothing to do.
    async fn fill_by_one(&self) -> Result<bool, SlotError> {
        let (stock, wanted) = {
            let mut state = self.state();
            (state.stock.len(), state.demand.wanted(Instant::now(), self.spec.stock))
        };
        if stock >= wanted {
            return Ok(false);
        }
        let _spare_turn = if stock == 0 {
            self.starts.quiet_or_spare().await
        } else {
            tokio::select! {
                biased;
                () = self.starts.quiet() => None,
                // It may have been the last one that was taken.
                () = self.changed.notified() => return Ok(true),
            }
        };
        let slot = self.make().await?;
        self.give_back(slot);
        Ok(true)
    }

    async fn make(&self) -> Result<Slot, SlotError> {
        let address = {
            let mut state = self.state();
            let address = state.addresses.take(Instant::now()).ok_or(SlotError::NoAddress)?;
            state.making.insert(address);
            address
        };
        let made = self.make_at(address).await;
        self.state().making.remove(&address);
        Ok(made?)
    }

    async fn make_at(&self, address: Ipv4Addr) -> Result<Slot, EngineError> {
        let spec = ContainerSpec {
            name: pause_name(entropy::uuid()),
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

    /// All paths on which an address changes hands end here.
    async fn remove(&self, slot: &Slot) -> Result<(), EngineError> {
        self.engine.remove(&slot.pause).await?;
        self.forget_connections(slot.address).await;
        self.state().addresses.release(slot.address, Instant::now());
        Ok(())
    }

    async fn forget_connections(&self, address: Ipv4Addr) {
        if self.real_network {
            firewall::forget_connections(address).await;
        }
    }

    fn tell_discarded(&self) {
        self.discarded.notify_one();
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Moves stock to garbage; whether there was any.
    fn discard(&mut self, which: impl Fn(&Slot) -> bool) -> bool {
        let (discarded, kept): (VecDeque<_>, VecDeque<_>) = self.stock.drain(..).partition(which);
        self.stock = kept;
        let any = !discarded.is_empty();
        for slot in discarded {
            self.garbage.put(slot, Instant::now());
        }
        any
    }

    /// Those that were nobody's the last time as well.
    fn strangers(&mut self, containers: &[Container]) -> Vec<Slot> {
        let used: Vec<_> = containers.iter().filter_map(|each| Some(&each.labels.sandbox()?.pause)).collect();
        let known = |pause: &Slot| {
            self.tenants.contains_key(&pause.pause)
                || used.contains(&&pause.pause)
                || self.making.contains(&pause.address)
                || self.garbage.contains(&pause.pause)
                || self.stock.iter().any(|slot| slot.pause == pause.pause)
        };
        let pauses = containers.iter().filter(|each| each.labels.role == Role::Pause).map(slot_of);
        let unknown: Vec<_> = pauses.filter(|pause| !known(pause)).collect();
        let ids = unknown.iter().map(|slot| slot.pause.clone()).collect();
        let before = std::mem::replace(&mut self.strangers, ids);
        unknown.into_iter().filter(|slot| before.contains(&slot.pause)).collect()
    }
}

fn slot_of(pause: &Container) -> Slot {
    Slot { pause: pause.id.clone(), address: pause.labels.address }
}
