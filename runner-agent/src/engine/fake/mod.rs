//! A container engine in this process: containers with states, whose daemons are small HTTP servers.
//!
//! It behaves like the real one where the runner could notice: names are unique, a sandbox joins only a running
//! pause container, dead containers keep their labels, an absent engine fails every call. What a container changed of its files is a directory that tests may fill.
//! Tests make it fail ([`FakeEngine::fail_call`]), go away, restart, and lose containers: all in [`faults`].

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use paddock_model::entropy;
use tokio::sync::broadcast;

pub use self::daemon::FakeDaemon;
use super::{
    Container, ContainerSpec, Died, Engine, EngineError, Host, Image, Kind, Limits, Network, NetworkSpec, Result, Space,
};

mod daemon;
mod faults;

/// The fake; clones share the same containers, as connections to one dockerd do.
#[derive(Clone)]
pub struct FakeEngine {
    inner: Arc<Mutex<Inner>>,
    deaths: Arc<Mutex<broadcast::Sender<Died>>>,
    /// Held by a pull while the registry sends.
    registry_line: Arc<tokio::sync::Mutex<()>>,
}

/// How an ordered failure looks, such as [`EngineError::Rejected`].
pub type Failure = fn(String) -> EngineError;

struct Inner {
    away: bool,
    fail_after: VecDeque<(usize, Failure)>,
    /// The next container is made, but before that is said the engine goes away.
    leaves_in_create: bool,
    /// Whatever is asked for is there.
    every_image: bool,
    /// Daemons have no sockets.
    within_process: bool,
    images: BTreeSet<String>,
    registry: BTreeSet<String>,
    networks: BTreeMap<String, Network>,
    containers: BTreeMap<String, FakeContainer>,
    ever_created: usize,
    limits_disk: bool,
    space: Space,
}

/// One container.
struct FakeContainer {
    spec: ContainerSpec,
    name: String,
    state: State,
    limits: Option<Limits>,
    /// What it changed of its image's files.
    files: Arc<tempfile::TempDir>,
    disk_use: u64,
}

enum State {
    Created,
    Running(Option<FakeDaemon>),
    /// Frozen; its daemon is kept, and nobody is told where.
    Paused(Option<FakeDaemon>),
    Exited {
        code: i64,
        out_of_memory: bool,
    },
}

impl FakeEngine {
    /// An engine with these images present.
    #[must_use]
    pub fn new(images: &[&str]) -> Self {
        let inner = Inner {
            away: false,
            fail_after: VecDeque::new(),
            leaves_in_create: false,
            every_image: false,
            within_process: false,
            images: images.iter().map(ToString::to_string).collect(),
            registry: BTreeSet::new(),
            networks: BTreeMap::new(),
            containers: BTreeMap::new(),
            ever_created: 0,
            limits_disk: false,
            space: Space { size: 1 << 40, free: 1 << 39 },
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            deaths: Arc::new(Mutex::new(broadcast::channel(1024).0)),
            registry_line: Arc::default(),
        }
    }

    /// An engine that is never short of an image: for stacks without containers.
    #[must_use]
    pub fn with_every_image() -> Self {
        let engine = Self::new(&[]);
        engine.lock().every_image = true;
        engine
    }

    /// An engine that is never short of an image, and whose daemons have no sockets: [`FakeEngine::daemon_at`] asks
    /// them. For simulations, where nothing may depend on the operating system.
    #[must_use]
    pub fn within_process() -> Self {
        let engine = Self::with_every_image();
        engine.lock().within_process = true;
        engine
    }

    /// Makes an image available for pulling.
    pub fn publish(&self, image: &str) {
        self.lock().registry.insert(image.to_owned());
    }

    /// Names of all containers, with whether each runs.
    #[must_use]
    pub fn names(&self) -> Vec<(String, bool)> {
        let running = |state: &State| matches!(state, State::Running(_) | State::Paused(_));
        self.lock().containers.values().map(|each| (each.name.clone(), running(&each.state))).collect()
    }

    /// All containers, without asking the engine.
    #[must_use]
    pub fn containers(&self) -> Vec<Container> {
        self.lock().containers.iter().map(|(id, container)| container.view(id)).collect()
    }

    /// The limits that a container was last given after its creation.
    #[must_use]
    pub fn limits(&self, name: &str) -> Option<Limits> {
        self.lock().containers.values().find(|each| each.name == name)?.limits
    }

    /// The daemon that answers at this address; none while it is frozen.
    #[must_use]
    pub fn daemon_at(&self, address: SocketAddr) -> Option<FakeDaemon> {
        self.lock().containers.values().find_map(|container| match &container.state {
            State::Running(Some(daemon)) if daemon.address() == address => Some(daemon.clone()),
            _ => None,
        })
    }

    /// How many containers were ever made.
    #[must_use]
    pub fn ever_created(&self) -> usize {
        self.lock().ever_created
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notices(&self) -> MutexGuard<'_, broadcast::Sender<Died>> {
        self.deaths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self) -> Result<MutexGuard<'_, Inner>> {
        let mut inner = self.lock();
        if inner.away {
            return Err(EngineError::Unavailable("gone away".to_owned()));
        }
        match inner.fail_after.front_mut() {
            Some((0, error)) => {
                let error = *error;
                inner.fail_after.pop_front();
                Err(error("failure ordered by a test".to_owned()))
            }
            Some((calls, _)) => {
                *calls -= 1;
                Ok(inner)
            }
            None => Ok(inner),
        }
    }

    fn end(&self, id: String, container: &mut FakeContainer, code: i64, out_of_memory: bool) {
        if let State::Running(_) | State::Paused(_) = container.state {
            container.state = State::Exited { code, out_of_memory };
            let died = Died { id, exit_code: Some(code), labels: container.spec.labels.clone() };
            let _nobody_listens = self.notices().send(died);
        }
    }
}

impl Inner {
    fn get_mut(&mut self, id: &str) -> Result<(String, &mut FakeContainer)> {
        self.containers
            .iter_mut()
            .find(|(key, container)| *key == id || container.name == id)
            .map(|(key, container)| (key.clone(), container))
            .ok_or_else(|| EngineError::NotFound(format!("no container {id}")))
    }

    fn has_image(&self, reference: &str) -> bool {
        self.every_image || self.images.contains(reference)
    }

    fn pause_runs(&self, id: &str) -> bool {
        self.containers.get(id).is_some_and(|pause| matches!(pause.state, State::Running(_)))
    }
}

fn image_id(reference: &str) -> String {
    format!("sha256:{}", hex::encode(reference))
}

impl FakeContainer {
    fn view(&self, id: &str) -> Container {
        let (exit_code, out_of_memory) = match self.state {
            State::Exited { code, out_of_memory } => (Some(code), out_of_memory),
            State::Created | State::Running(_) | State::Paused(_) => (None, false),
        };
        let daemon: Option<SocketAddr> = match &self.state {
            State::Running(daemon) | State::Paused(daemon) => daemon.as_ref().map(FakeDaemon::address),
            State::Created | State::Exited { .. } => None,
        };
        Container {
            id: id.to_owned(),
            name: self.name.clone(),
            labels: self.spec.labels.clone(),
            running: matches!(self.state, State::Running(_) | State::Paused(_)),
            paused: matches!(self.state, State::Paused(_)),
            image: image_id(&self.spec.image),
            pid: None,
            daemon,
            exit_code,
            out_of_memory,
        }
    }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn probe(&self) -> Result<Host> {
        let _up = self.call()?;
        let data_root = PathBuf::from("/");
        Ok(Host { cpus: 4, memory: 64 << 30, data_root, capabilities: vec!["fake".to_owned()] })
    }

    fn limits_disk(&self) -> bool {
        self.lock().limits_disk
    }

    async fn space(&self) -> Result<Space> {
        Ok(self.call()?.space)
    }

    async fn disk_use(&self, id: &str) -> Result<u64> {
        Ok(self.call()?.get_mut(id)?.1.disk_use)
    }

    async fn images(&self) -> Result<Vec<String>> {
        Ok(self.call()?.images.iter().cloned().collect())
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let present = self.call()?.has_image(reference);
        Ok(present.then(|| Image { id: image_id(reference), working_dir: Some("/home/daytona".to_owned()) }))
    }

    async fn pull(&self, reference: &str) -> Result<()> {
        let _sent = self.registry_line.lock().await;
        let mut inner = self.call()?;
        if !inner.registry.contains(reference) {
            return Err(EngineError::NotFound(format!("no image {reference} in the registry")));
        }
        inner.images.insert(reference.to_owned());
        Ok(())
    }

    async fn import(&self, reference: &str, _layer: Bytes, _entrypoint: &[&str]) -> Result<()> {
        self.call()?.images.insert(reference.to_owned());
        Ok(())
    }

    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<Network> {
        let mut inner = self.call()?;
        let gateway = spec.subnet.hosts().next().unwrap_or(spec.subnet.addr());
        let network = Network { subnet: spec.subnet, gateway, bridge: None };
        Ok(inner.networks.entry(spec.name.clone()).or_insert(network).clone())
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String> {
        let mut inner = self.call()?;
        if !inner.has_image(&spec.image) {
            return Err(EngineError::NotFound(format!("no image {}", spec.image)));
        }
        if inner.containers.values().any(|container| container.name == spec.name) {
            return Err(EngineError::Conflict(format!("name {} is taken", spec.name)));
        }
        if let Kind::Sandbox(sandbox) = &spec.kind
            && !inner.containers.contains_key(&sandbox.pause)
        {
            return Err(EngineError::Rejected(format!("no container {} to join", sandbox.pause)));
        }
        let id = entropy::uuid().simple().to_string();
        inner.ever_created += 1;
        let files = tempfile::tempdir().map_err(|error| EngineError::Rejected(format!("fake files: {error}")))?;
        let (name, files) = (spec.name.clone(), Arc::new(files));
        let container =
            FakeContainer { spec: spec.clone(), name, state: State::Created, limits: None, files, disk_use: 0 };
        inner.containers.insert(id.clone(), container);
        if std::mem::take(&mut inner.leaves_in_create) {
            inner.away = true;
            return Err(EngineError::Unavailable("gone away".to_owned()));
        }
        Ok(id)
    }

    async fn start(&self, id: &str) -> Result<()> {
        let sandbox = {
            let mut inner = self.call()?;
            let (_, container) = inner.get_mut(id)?;
            if matches!(container.state, State::Running(_) | State::Paused(_)) {
                return Ok(());
            }
            match container.spec.kind.clone() {
                Kind::Pause { .. } => {
                    container.state = State::Running(None);
                    return Ok(());
                }
                Kind::Still => return Err(EngineError::Rejected("it has no program".to_owned())),
                Kind::Sandbox(sandbox) if !inner.pause_runs(&sandbox.pause) => {
                    return Err(EngineError::Rejected(format!("container {} does not run", sandbox.pause)));
                }
                Kind::Sandbox(sandbox) => sandbox,
            }
        };
        let within_process = self.lock().within_process;
        let daemon = if within_process { Ok(FakeDaemon::without_socket()) } else { FakeDaemon::start(&sandbox).await };
        let daemon = daemon.map_err(|error| EngineError::Rejected(format!("fake daemon: {error}")))?;
        let mut inner = self.lock();
        let (_, container) = inner.get_mut(id)?;
        container.state = State::Running(Some(daemon.clone()));
        daemon.announce();
        Ok(())
    }

    async fn pause(&self, id: &str) -> Result<()> {
        let mut inner = self.call()?;
        let (_, container) = inner.get_mut(id)?;
        match std::mem::replace(&mut container.state, State::Created) {
            State::Running(daemon) | State::Paused(daemon) => container.state = State::Paused(daemon),
            other => {
                container.state = other;
                return Err(EngineError::Conflict(format!("container {id} does not run")));
            }
        }
        Ok(())
    }

    async fn unpause(&self, id: &str) -> Result<()> {
        let mut inner = self.call()?;
        let (_, container) = inner.get_mut(id)?;
        container.state = match std::mem::replace(&mut container.state, State::Created) {
            State::Paused(daemon) => State::Running(daemon),
            other => other,
        };
        Ok(())
    }

    async fn update(&self, id: &str, limits: Limits) -> Result<()> {
        self.call()?.get_mut(id)?.1.limits = Some(limits);
        Ok(())
    }

    async fn upper_dir(&self, id: &str) -> Result<Option<PathBuf>> {
        Ok(Some(self.call()?.get_mut(id)?.1.files.path().to_owned()))
    }

    async fn export(&self, _id: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        Err(EngineError::Rejected("a fake shows the upper directory, and has no file system below it".to_owned()))
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<()> {
        let mut inner = self.call()?;
        if let Ok((id, container)) = inner.get_mut(id) {
            self.end(id, container, if grace.is_zero() { 137 } else { 0 }, false);
        }
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let mut inner = self.call()?;
        if let Ok((id, container)) = inner.get_mut(id) {
            self.end(id.clone(), container, 137, false);
            inner.containers.remove(&id);
        }
        Ok(())
    }

    async fn rename(&self, id: &str, name: &str) -> Result<()> {
        let mut inner = self.call()?;
        if inner.containers.iter().any(|(key, container)| container.name == name && key != id) {
            return Err(EngineError::Conflict(format!("name {name} is taken")));
        }
        name.clone_into(&mut inner.get_mut(id)?.1.name);
        Ok(())
    }

    async fn inspect(&self, id: &str) -> Result<Option<Container>> {
        let mut inner = self.call()?;
        Ok(inner.get_mut(id).ok().map(|(id, container)| container.view(&id)))
    }

    async fn list(&self, deployment: &str, runner: &str) -> Result<Vec<Container>> {
        let inner = self.call()?;
        let ours = |each: &&Container| each.labels.deployment == deployment && each.labels.runner == runner;
        let views: Vec<_> = inner.containers.iter().map(|(id, container)| container.view(id)).collect();
        Ok(views.iter().filter(ours).cloned().collect())
    }

    async fn deaths(&self, deployment: &str, runner: &str) -> Result<BoxStream<'static, Died>> {
        drop(self.call()?);
        let (deployment, runner) = (deployment.to_owned(), runner.to_owned());
        let stream = futures::stream::unfold(self.notices().subscribe(), |mut receiver| async move {
            receiver.recv().await.ok().map(|died| (died, receiver))
        });
        let ours = stream.filter(move |died| {
            std::future::ready(died.labels.deployment == deployment && died.labels.runner == runner)
        });
        Ok(ours.boxed())
    }
}
