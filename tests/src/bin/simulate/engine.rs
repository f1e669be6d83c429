//! The container engine and the daemons of a machine, as one agent process reaches them.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use paddock_runner_agent::{
    engine::{
        Container, ContainerSpec, Died, Engine, EngineError, Host, Image, Limits, Network, NetworkSpec, Space,
        fake::FakeEngine,
    },
    sandboxes::daemon::{DaemonError, Daemons},
};
use paddock_wire::work::Env;

use crate::{chance, life::Life};

type Result<A> = std::result::Result<A, EngineError>;

#[derive(Clone)]
pub struct Leashed {
    pub engine: FakeEngine,
    pub life: Arc<Life>,
}

impl Leashed {
    async fn call<A>(&self, work: impl Future<Output = Result<A>>) -> Result<A> {
        let done = self.life.outside(async {
            if chance::mishap(4) {
                return Err(EngineError::Unavailable("the engine did not answer".to_owned()));
            }
            let done = work.await;
            // Done, and not heard of.
            if chance::mishap(4) { Err(EngineError::Unavailable("the answer was lost".to_owned())) } else { done }
        });
        done.await
    }
}

#[async_trait]
impl Engine for Leashed {
    async fn probe(&self) -> Result<Host> {
        self.call(self.engine.probe()).await
    }
    fn limits_disk(&self) -> bool {
        self.engine.limits_disk()
    }
    async fn space(&self) -> Result<Space> {
        self.call(self.engine.space()).await
    }
    async fn disk_use(&self, id: &str) -> Result<u64> {
        self.call(self.engine.disk_use(id)).await
    }
    async fn images(&self) -> Result<Vec<String>> {
        self.call(self.engine.images()).await
    }
    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        self.call(self.engine.image(reference)).await
    }
    async fn pull(&self, reference: &str) -> Result<()> {
        self.call(self.engine.pull(reference)).await
    }
    async fn import(&self, reference: &str, layer: Bytes, entrypoint: &[&str]) -> Result<()> {
        self.call(self.engine.import(reference, layer, entrypoint)).await
    }
    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<Network> {
        self.call(self.engine.ensure_network(spec)).await
    }
    async fn create(&self, spec: &ContainerSpec) -> Result<String> {
        self.call(self.engine.create(spec)).await
    }
    async fn start(&self, id: &str) -> Result<()> {
        self.call(self.engine.start(id)).await
    }
    async fn pause(&self, id: &str) -> Result<()> {
        self.call(self.engine.pause(id)).await
    }
    async fn unpause(&self, id: &str) -> Result<()> {
        self.call(self.engine.unpause(id)).await
    }
    async fn update(&self, id: &str, limits: Limits) -> Result<()> {
        self.call(self.engine.update(id, limits)).await
    }
    async fn upper_dir(&self, id: &str) -> Result<Option<PathBuf>> {
        self.call(self.engine.upper_dir(id)).await
    }
    async fn export(&self, id: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.call(self.engine.export(id)).await
    }
    async fn stop(&self, id: &str, grace: Duration) -> Result<()> {
        self.call(self.engine.stop(id, grace)).await
    }
    async fn remove(&self, id: &str) -> Result<()> {
        self.call(self.engine.remove(id)).await
    }
    async fn rename(&self, id: &str, name: &str) -> Result<()> {
        self.call(self.engine.rename(id, name)).await
    }
    async fn inspect(&self, id: &str) -> Result<Option<Container>> {
        self.call(self.engine.inspect(id)).await
    }
    async fn list(&self, deployment: &str, runner: &str) -> Result<Vec<Container>> {
        self.call(self.engine.list(deployment, runner)).await
    }
    async fn deaths(&self, deployment: &str, runner: &str) -> Result<BoxStream<'static, Died>> {
        self.call(self.engine.deaths(deployment, runner)).await
    }
}

#[async_trait]
impl Daemons for Leashed {
    async fn version(&self, daemon: SocketAddr) -> std::result::Result<Option<String>, DaemonError> {
        self.life.outside(async { self.engine.daemon_at(daemon).map(|_| None).ok_or(DaemonError::Absent) }).await
    }

    async fn set_env(&self, daemon: SocketAddr, env: &Env) -> std::result::Result<(), DaemonError> {
        let set = async { self.engine.daemon_at(daemon).map(|it| it.set_env(env)).ok_or(DaemonError::Absent) };
        self.life.outside(set).await
    }
}
