//! The holder of sandboxes, put together: engine, network, owners, and the tasks that serve them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use paddock_wire::agents::Capacity;
use tokio::task::JoinSet;

use crate::{
    blocking,
    config::{EngineKind, RunnerConfig},
    control_api::ControlApi,
    daemon_binary,
    engine::{self, Engine, EngineError, docker::DockerEngine, fake::FakeEngine, starts::Starts},
    journal::Journal,
    network::{
        self, Guarded,
        slots::{SlotSpec, Slots},
    },
    sandboxes::{
        daemon::{DaemonClient, Daemons},
        disk,
        files::Files,
        health,
        holdings::Holdings,
        host::Host,
        inventory,
        outbox::Outbox,
        owner,
        registry::{OwnerSeat, Registry},
    },
    snapshots::{CaptureStore, Captures},
};

const ENGINE_AWAY: Duration = Duration::from_secs(1);
/// Between looks for spools that nobody wants any more.
const OLD_SPOOLS: Duration = Duration::from_secs(3600);
const INVENTORY_AGAIN: Duration = Duration::from_secs(1);

/// The runner part of an agent.
pub struct Runner {
    /// What owners share.
    pub host: Arc<Host>,
    /// The way to sandboxes.
    pub registry: Arc<Registry>,
    /// Everything that serves sandboxes; ends when dropped. Containers run on.
    pub tasks: JoinSet<()>,
    /// The owner tasks; they end when this is dropped.
    pub owners: Owners,
}

/// What a runner stands on.
pub struct Ground {
    /// Containers.
    pub engine: Arc<dyn Engine>,
    /// Calls to what runs in them.
    pub daemons: Arc<dyn Daemons>,
    /// Where their files go and come from.
    pub captures: Arc<dyn CaptureStore>,
    /// What outlives the agent.
    pub journal: Arc<Journal>,
    /// The control plane.
    pub control: Arc<ControlApi>,
}

impl Ground {
    /// The real one.
    ///
    /// # Errors
    /// When a directory cannot be made, or the TLS set-up of this machine not be read.
    pub fn new(
        engine: Arc<dyn Engine>,
        state_dir: &std::path::Path,
        control: Arc<ControlApi>,
        journal: Arc<Journal>,
    ) -> anyhow::Result<Self> {
        let captures = Arc::new(Captures::new(state_dir, Arc::clone(&control))?);
        Ok(Self { engine, daemons: Arc::new(DaemonClient::new()?), captures, journal, control })
    }
}

/// The owner tasks of a runner.
#[derive(Clone, Default)]
pub struct Owners(Arc<Mutex<JoinSet<()>>>);

impl Owners {
    fn seat(&self, host: Arc<Host>, seat: OwnerSeat) {
        let mut tasks = self.lock();
        // Those that have ended are forgotten here: there is one more at most per owner that ever was seated.
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "an owner broke; the next letter to its sandbox seats another");
            }
        }
        tasks.spawn(owner::run(host, seat));
    }

    /// Ends them where they stand.
    pub async fn shutdown(&self) {
        let mut tasks = std::mem::take(&mut *self.lock());
        tasks.shutdown().await;
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The engine, as soon as it answers, and what it can hold.
pub async fn find_engine(config: &RunnerConfig) -> (Arc<dyn Engine>, engine::Host) {
    loop {
        match connect(config).await {
            Ok(found) => return found,
            Err(error) => tracing::warn!(%error, "waiting for the container engine"),
        }
        tokio::time::sleep(ENGINE_AWAY).await;
    }
}

async fn connect(config: &RunnerConfig) -> Result<(Arc<dyn Engine>, engine::Host), EngineError> {
    let engine: Arc<dyn Engine> = match config.engine {
        EngineKind::Docker => Arc::new(DockerEngine::connect(&config.docker_host).await?),
        EngineKind::Fake => Arc::new(FakeEngine::with_every_image()),
    };
    let host = engine.probe().await?;
    Ok((engine, host))
}

/// Puts the runner together on a registered agent: network and rules first, then what an earlier agent left. Work may
/// come when this has returned; the control plane's word on what was left follows in its own time.
///
/// # Errors
/// When something is wrong that waiting does not mend.
pub async fn start(
    config: &RunnerConfig,
    state_dir: &std::path::Path,
    ground: Ground,
    (cpus, capacity): (u32, Capacity),
) -> anyhow::Result<Runner> {
    let Ground { engine, daemons, captures, journal, control } = ground;
    let session = control.session()?;
    let daemon = daemon_binary::keep(&config.daemon, state_dir)?;
    let image = match &config.pause_image {
        Some(image) => image.clone(),
        None => daemon_binary::pause_image(&engine, &daemon).await?,
    };
    let (deployment, id) = (session.deployment.clone(), session.runner_id);
    let Guarded { name, network, firewall, resolver } =
        network::set_up(&engine, &deployment, id, config.subnet).await?;
    let starts = Starts::new(cpus);
    let slots = SlotSpec {
        deployment: deployment.clone(),
        runner: id.to_string(),
        image,
        network: name,
        stock: config.pause_pool,
    };
    let host = Arc::new(Host {
        deployment,
        runner: id.to_string(),
        slots: Slots::new(Arc::clone(&engine), slots, &network, starts.clone()),
        firewall,
        engine,
        holdings: Holdings::new(capacity),
        starts,
        captures,
        files: Files::new(&state_dir.canonicalize()?, &daemon.path, network.gateway),
        journal,
        outbox: Outbox::default(),
        control: Arc::clone(&control),
        daemons,
    });
    let owners = Owners::default();
    let registry = Arc::new(registry(&host, &owners));
    inventory::adopt(&host, &registry).await?;
    let mut tasks = serve(&host, &registry, control);
    if let Some(resolver) = resolver {
        tasks.spawn(resolver.serve());
    }
    Ok(Runner { host, registry, tasks, owners })
}

/// All that serves sandboxes, for as long as the agent lives.
fn serve(host: &Arc<Host>, registry: &Arc<Registry>, control: Arc<ControlApi>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(host.outbox.clone().send_all(control, Arc::clone(registry)));
    tasks.spawn(health::watch_deaths(Arc::clone(host), Arc::clone(registry)));
    tasks.spawn(health::check(Arc::clone(host), Arc::clone(registry)));
    tasks.spawn(disk::watch(Arc::clone(host), Arc::clone(registry)));
    tasks.spawn({
        let host = Arc::clone(host);
        async move { host.slots.keep_filled().await }
    });
    tasks.spawn({
        let host = Arc::clone(host);
        async move { host.slots.collect_garbage().await }
    });
    tasks.spawn(forget_old_spools(Arc::clone(host)));
    tasks.spawn(first_inventory(Arc::clone(host), Arc::clone(registry)));
    tasks
}

async fn forget_old_spools(host: Arc<Host>) {
    loop {
        let forgetful = Arc::clone(&host);
        let forgetting = blocking::run(move || {
            forgetful.captures.forget_old();
            Ok(())
        });
        if let Err(error) = forgetting.await {
            tracing::error!(%error, "old spools stay");
        }
        tokio::time::sleep(OLD_SPOOLS).await;
    }
}

fn registry(host: &Arc<Host>, owners: &Owners) -> Registry {
    let (host, owners) = (Arc::clone(host), owners.clone());
    Registry::new(move |seat| owners.seat(Arc::clone(&host), seat))
}

/// Sandboxes that were adopted stay as they are until the control plane has said what they should be.
async fn first_inventory(host: Arc<Host>, registry: Arc<Registry>) {
    while let Err(error) = inventory::exchange(&host, &registry).await {
        tracing::warn!(%error, "no first inventory yet");
        tokio::time::sleep(INVENTORY_AGAIN).await;
    }
}
