//! A machine: an engine and a disk that last, and agents that come and go.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response};
use paddock_runner_agent::{
    config::{EngineKind, RunnerConfig},
    control_api::{
        ControlApi,
        transport::{NoAnswer, Transport},
    },
    engine::fake::FakeEngine,
    heartbeat::{self, Holder},
    jobs,
    journal::Journal,
    register,
    runner::{self, Ground, Runner},
    sandboxes::registry::Registry,
};
use paddock_wire::agents::{Capacity, Register, RegisterProof, Role, register_proof_text};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    aws::Aws,
    chance, clock,
    cloud::{self, Cloud, Door, IMAGE, JOIN_TOKEN},
    engine::Leashed,
    files::{SimCaptures, Spools},
    life::Life,
    trace,
};

/// What a machine has room for.
const CAPACITY: Capacity = Capacity { cpu: 6, memory_gib: 12, disk_gib: 60, sandboxes: 10 };

pub struct Machine {
    pub name: String,
    pub engine: FakeEngine,
    state: tempfile::TempDir,
    spools: Spools,
    agent: Option<Agent>,
    number: u8,
}

/// A process.
struct Agent {
    life: Arc<Life>,
    booted: Arc<Mutex<Option<Booted>>>,
    tasks: JoinSet<()>,
}

struct Booted {
    runner: Runner,
    api: Arc<ControlApi>,
}

/// The way from an agent to the control plane.
struct Wire {
    cloud: Arc<Cloud>,
    life: Arc<Life>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        self.life.breathe().await;
        if self.life.is_cut() {
            chance::latency().await;
            return Err("cut off".into());
        }
        let answer = self.cloud.ask(Door::Agents, request).await;
        self.life.breathe().await;
        answer.filter(|_| !self.life.is_cut()).ok_or_else(|| "no answer".into())
    }
}

impl Machine {
    pub fn new(number: u8) -> Self {
        let state = tempfile::tempdir().expect("a directory for the machine");
        std::fs::write(state.path().join("daemon.bin"), "daemon").expect("a daemon");
        let engine = FakeEngine::within_process();
        Self { name: format!("m{number}"), engine, state, spools: Spools::default(), agent: None, number }
    }

    /// Its runner's id, once it has one.
    pub fn runner_id(&self) -> Option<Uuid> {
        Journal::open(self.state.path()).ok()?.runner_id()
    }

    /// The last epoch of a sandbox that it has buried.
    pub fn tombstone(&self, sandbox: Uuid) -> Option<u64> {
        Journal::with_clock(self.state.path(), clock::seconds).ok()?.tombstone(sandbox)
    }

    pub fn lives(&self) -> bool {
        self.agent.is_some()
    }

    pub fn is_reachable(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| !agent.life.is_cut())
    }

    pub fn set_cut(&self, cut: bool) {
        if let Some(agent) = &self.agent {
            agent.life.set_cut(cut);
        }
    }

    /// The way to its sandboxes and to the control plane, once it is up.
    pub fn doors(&self) -> Option<(Arc<Registry>, Arc<ControlApi>)> {
        let booted = self.agent.as_ref()?.booted.lock().unwrap_or_else(PoisonError::into_inner);
        booted.as_ref().map(|booted| (Arc::clone(&booted.runner.registry), Arc::clone(&booted.api)))
    }

    /// A task of the agent broke: a person would see it end.
    pub fn is_broken(&mut self) -> Option<String> {
        let agent = self.agent.as_mut()?;
        let mut booted = agent.booted.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = agent.tasks.try_join_next().or_else(|| booted.as_mut()?.runner.tasks.try_join_next());
        ended?.err().map(|error| error.to_string())
    }

    pub async fn kill(&mut self) {
        let Some(mut agent) = self.agent.take() else { return };
        agent.life.end();
        agent.tasks.shutdown().await;
        let booted = agent.booted.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Booted { mut runner, .. }) = booted {
            runner.tasks.shutdown().await;
            runner.owners.shutdown().await;
        }
    }

    pub async fn start(&mut self, cloud: &Arc<Cloud>, aws: &Aws) {
        self.kill().await;
        let (life, booted) = (Arc::new(Life::default()), Arc::new(Mutex::new(None)));
        let boot = Boot {
            cloud: Arc::clone(cloud),
            aws: aws.clone(),
            engine: Leashed { engine: self.engine.clone(), life: Arc::clone(&life) },
            state: self.state.path().to_owned(),
            spools: Arc::clone(&self.spools),
            number: self.number,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(boot.run(Arc::clone(&booted)));
        self.agent = Some(Agent { life, booted, tasks });
    }
}

struct Boot {
    cloud: Arc<Cloud>,
    aws: Aws,
    engine: Leashed,
    state: PathBuf,
    spools: Spools,
    number: u8,
}

impl Boot {
    /// As `agent::run`, without doors. An agent that cannot start ends, and its supervisor starts it again.
    async fn run(self, slot: Arc<Mutex<Option<Booted>>>) {
        let (sender, _edges) = watch::channel(Vec::new());
        let booted = loop {
            match self.boot().await {
                Ok(booted) => break booted,
                Err(error) => trace::note(format!("m{} does not start: {error}", self.number)),
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        };
        let (api, registry) = (Arc::clone(&booted.api), Arc::clone(&booted.runner.registry));
        let holder = Holder { host: Arc::clone(&booted.runner.host), registry: Arc::clone(&registry) };
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(booted);
        let sqs = aws_sdk_sqs::Client::new(&cloud::sdk(&self.aws.of(&self.engine.life)).await);
        let beat = heartbeat::beat(Arc::clone(&api), Some(holder), sender);
        tokio::join!(beat, jobs::poll(sqs, api, registry));
    }

    async fn boot(&self) -> anyhow::Result<Booted> {
        let journal = Arc::new(Journal::with_clock(&self.state, clock::seconds)?);
        let transport = Arc::new(Wire { cloud: Arc::clone(&self.cloud), life: Arc::clone(&self.engine.life) });
        let key = Ed25519KeyPair::from_seed_unchecked(&[self.number; 32])?;
        let introduction = Register {
            runner_id: journal.runner_id(),
            name: format!("m{}", self.number),
            region: "local".to_owned(),
            role: Role::Both,
            version: "0".to_owned(),
            relay_url: format!("http://127.0.0.1:41{:02}", self.number),
            ticket_key: STANDARD.encode(key.public_key()),
            capacity: CAPACITY,
            capabilities: Vec::new(),
            images: vec![IMAGE.to_owned()],
            proof: None,
        };
        let api = ControlApi::over(transport, "http://control/agents", JOIN_TOKEN, introduction);
        let api = Arc::new(api.with_proof(move |id| {
            let at = clock::seconds();
            RegisterProof { at, signature: STANDARD.encode(key.sign(register_proof_text(id, at).as_bytes())) }
        }));
        register::until_accepted(&api, &journal).await?;
        let captures = SimCaptures {
            control: Arc::clone(&api),
            bucket: Arc::clone(&self.aws.bucket),
            spools: Arc::clone(&self.spools),
            life: Arc::clone(&self.engine.life),
        };
        let ground = Ground {
            engine: Arc::new(self.engine.clone()),
            daemons: Arc::new(self.engine.clone()),
            captures: Arc::new(captures),
            journal,
            control: Arc::clone(&api),
        };
        let runner = runner::start(&self.config(), &self.state, ground, (CAPACITY.cpu, CAPACITY)).await?;
        Ok(Booted { runner, api })
    }

    fn config(&self) -> RunnerConfig {
        RunnerConfig {
            engine: EngineKind::Fake,
            daemon: self.state.join("daemon.bin"),
            docker_host: String::new(),
            cpu_overcommit: 1,
            pause_pool: 1,
            pause_image: Some("pause:1".to_owned()),
            subnet: Some(ipnet::Ipv4Net::new([10, 99, self.number, 0].into(), 26).expect("a subnet")),
        }
    }
}
