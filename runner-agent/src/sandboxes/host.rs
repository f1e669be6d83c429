//! What owner tasks share: one of each per runner.

use std::{io, sync::Arc};

use uuid::Uuid;

use crate::{
    blocking,
    control_api::ControlApi,
    engine::{Container, Engine, EngineError, starts::Starts},
    journal::Journal,
    network::{firewall::Firewall, slots::Slots},
    snapshots::CaptureStore,
};

use super::{daemon::Daemons, files::Files, holdings::Holdings, outbox::Outbox};

/// The runner, as its owner tasks see it.
pub struct Host {
    /// Deployment id; work of another is refused.
    pub deployment: String,
    /// Runner id, for labels.
    pub runner: String,
    /// Where containers are.
    pub engine: Arc<dyn Engine>,
    /// Networks in stock.
    pub slots: Slots,
    /// What keeps sandboxes apart from all else; none when there is no real network.
    pub firewall: Option<Arc<Firewall>>,
    /// Room.
    pub holdings: Holdings,
    /// Bound on starts.
    pub starts: Starts,
    /// Files mounted into sandboxes.
    pub files: Files,
    /// Captures of files, and sandboxes begun with them.
    pub captures: Arc<dyn CaptureStore>,
    /// Tombstones.
    pub journal: Arc<Journal>,
    /// Reports on their way.
    pub outbox: Outbox,
    /// For the key of sealed environments.
    pub control: Arc<ControlApi>,
    /// Calls to daemons.
    pub daemons: Arc<dyn Daemons>,
}

impl Host {
    /// The container with this name, if it is this runner's: another runner on the same engine may have one of that
    /// name, and it is not ours to touch.
    ///
    /// # Errors
    /// When the engine does not say.
    pub async fn find(&self, name: &str) -> Result<Option<Container>, EngineError> {
        let found = self.engine.inspect(name).await?;
        Ok(found.filter(|found| {
            let ours = found.labels.are_of(&self.deployment, &self.runner);
            if !ours {
                tracing::error!(name, runner = found.labels.runner, "a container of another runner has this name");
            }
            ours
        }))
    }

    /// This epoch of the sandbox is destroyed: kept in the journal, without a task waiting for the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn bury(&self, sandbox: Uuid, epoch: u64) -> io::Result<()> {
        let journal = Arc::clone(&self.journal);
        blocking::run(move || journal.bury(sandbox, epoch)).await
    }

    /// The rules of the network are in force, so that a sandbox may start.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.firewall.as_ref().is_none_or(|firewall| firewall.holds())
    }
}

#[cfg(test)]
pub mod tests {
    use std::{net::Ipv4Addr, path::Path};

    use paddock_wire::agents::{Capacity, Register, Role};

    use super::*;
    use crate::{
        engine::{NetworkSpec, fake::FakeEngine},
        network::slots::SlotSpec,
        sandboxes::daemon::DaemonClient,
        snapshots::Captures,
    };

    /// A host on this engine, registered nowhere.
    pub async fn host(engine: &FakeEngine, state_dir: &Path) -> Arc<Host> {
        let (deployment, runner) = ("test".to_owned(), "runner".to_owned());
        let network = NetworkSpec {
            deployment: deployment.clone(),
            runner: runner.clone(),
            name: "network".to_owned(),
            bridge: "bridge".to_owned(),
            subnet: "10.0.0.0/24".parse().unwrap(),
        };
        let made = engine.ensure_network(&network).await.unwrap();
        let slots = SlotSpec {
            deployment: deployment.clone(),
            runner: runner.clone(),
            image: "image:1".to_owned(),
            network: network.name,
            stock: 0,
        };
        let starts = Starts::new(2);
        let engine: Arc<dyn Engine> = Arc::new(engine.clone());
        let control = Arc::new(ControlApi::new("http://127.0.0.1:9", "join", introduction()).unwrap());
        Arc::new(Host {
            captures: Arc::new(Captures::new(state_dir, Arc::clone(&control)).unwrap()),
            deployment,
            runner,
            slots: Slots::new(Arc::clone(&engine), slots, &made, starts.clone()),
            firewall: None,
            engine,
            holdings: Holdings::new(Capacity { cpu: 8, memory_gib: 8, disk_gib: 100, sandboxes: 100 }),
            starts,
            files: Files::new(state_dir, Path::new("/daemon"), Ipv4Addr::LOCALHOST),
            journal: Arc::new(Journal::open(state_dir).unwrap()),
            outbox: Outbox::default(),
            control,
            daemons: Arc::new(DaemonClient::new().unwrap()),
        })
    }

    fn introduction() -> Register {
        Register {
            runner_id: None,
            name: "test".to_owned(),
            region: "local".to_owned(),
            role: Role::Runner,
            version: String::new(),
            relay_url: String::new(),
            ticket_key: String::new(),
            capacity: Capacity::default(),
            capabilities: Vec::new(),
            images: Vec::new(),
            proof: None,
        }
    }
}
