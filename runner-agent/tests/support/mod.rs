//! A runner against a control plane that behaves: it keeps the newest wish per sandbox, judges reports by
//! (epoch, generation, seq), and decides about inventories, as the real one does.

#![expect(dead_code, reason = "each test file uses a part of it")]

pub mod docker;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use axum::{
    Json, Router,
    extract::{Path as UrlPath, State},
    http::StatusCode,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paddock_runner_agent::{
    config::{EngineKind, RunnerConfig},
    control_api::ControlApi,
    engine::{Engine, EngineError},
    journal::Journal,
    register,
    runner::{self, Ground, Runner},
    sandboxes::registry::{Applied, Phase},
};
use paddock_wire::{
    agents::{
        Capacity, Decision, Inventory, InventoryAnswer, Register, Registered, Reports, ReportsAnswer, Role, Verdict,
    },
    work::{Env, Observed, Report, SealedEnv, Spec, WhenIdle, Wish, Work},
};
use uuid::Uuid;

/// Nothing in these tests takes so long; only a test that fails does.
pub const PATIENCE: Duration = Duration::from_secs(60);
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The control plane's side.
#[derive(Default)]
pub struct Control {
    state: Mutex<ControlState>,
    changed: tokio::sync::Notify,
}

#[derive(Default)]
struct ControlState {
    deployment: String,
    runner: Option<Uuid>,
    wishes: HashMap<Uuid, Work>,
    accepted: HashMap<Uuid, Vec<Report>>,
    stale: usize,
    /// Answer every report call with 503 while set.
    deaf: bool,
}

impl Control {
    fn url_routes(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/agents/register", post(Self::register))
            .route("/agents/inventory", post(Self::inventory))
            .route("/agents/reports", post(Self::reports))
            .route("/agents/work/{id}", get(Self::work))
            .with_state(Arc::clone(self))
    }

    async fn register(State(control): State<Arc<Self>>, Json(body): Json<Register>) -> Json<Registered> {
        let mut state = control.state.lock().unwrap();
        let runner_id = body.runner_id.unwrap_or_else(Uuid::new_v4);
        state.runner = Some(runner_id);
        Json(Registered {
            runner_id,
            deployment: state.deployment.clone(),
            token: "token".to_owned(),
            queue_url: String::new(),
            env_key: KEY.to_owned(),
            heartbeat_seconds: 1,
        })
    }

    async fn inventory(State(control): State<Arc<Self>>, Json(body): Json<Inventory>) -> Json<InventoryAnswer> {
        let state = control.state.lock().unwrap();
        let decide = |entry: &paddock_wire::agents::InventoryEntry| {
            let (sandbox_id, epoch) = (entry.sandbox_id, entry.epoch);
            match state.wishes.get(&sandbox_id) {
                Some(work) if work.epoch == epoch && work.wish != Wish::Destroyed => {
                    Decision::Keep { work: Box::new(state.stamped(work)) }
                }
                Some(work) if work.wish == Wish::Destroyed && work.epoch >= epoch => {
                    Decision::Remove { sandbox_id, epoch }
                }
                _ => Decision::StopAndKeep { sandbox_id, epoch },
            }
        };
        let decisions = body.entries.iter().map(decide).collect();
        let listed = |work: &&Work| body.entries.iter().any(|entry| entry.sandbox_id == work.sandbox_id);
        let missing = state.wishes.values().filter(|work| !listed(work) && work.wish != Wish::Destroyed);
        let missing = missing.map(|work| state.stamped(work)).collect();
        Json(InventoryAnswer { decisions, missing })
    }

    async fn reports(
        State(control): State<Arc<Self>>,
        Json(body): Json<Reports>,
    ) -> Result<Json<ReportsAnswer>, StatusCode> {
        let mut state = control.state.lock().unwrap();
        if state.deaf {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let verdicts = body.reports.into_iter().map(|report| state.judge(report)).collect();
        drop(state);
        control.changed.notify_waiters();
        Ok(Json(ReportsAnswer { verdicts }))
    }

    async fn work(State(control): State<Arc<Self>>, UrlPath(id): UrlPath<Uuid>) -> Result<Json<Work>, StatusCode> {
        let state = control.state.lock().unwrap();
        state.wishes.get(&id).map(|work| Json(state.stamped(work))).ok_or(StatusCode::NOT_FOUND)
    }

    /// Reports that were accepted, oldest first.
    pub fn accepted(&self, sandbox: Uuid) -> Vec<Report> {
        self.state.lock().unwrap().accepted.get(&sandbox).cloned().unwrap_or_default()
    }

    /// While deaf, no report is heard.
    pub fn set_deaf(&self, deaf: bool) {
        self.state.lock().unwrap().deaf = deaf;
    }

    /// The control plane no longer knows the sandbox.
    pub fn forget(&self, sandbox: Uuid) {
        self.state.lock().unwrap().wishes.remove(&sandbox);
    }

    /// Waits for an accepted report that answers (epoch, generation) so.
    pub async fn heard(&self, work: &Work, what: impl Fn(&Observed) -> bool) -> Report {
        let found = || {
            let reports = self.accepted(work.sandbox_id);
            let answers = |report: &&Report| (report.epoch, report.generation) == (work.epoch, work.generation);
            reports.iter().filter(answers).find(|report| what(&report.observed)).cloned()
        };
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                if let Some(report) = found() {
                    return report;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("not reported; heard {:?}", self.accepted(work.sandbox_id)))
    }
}

impl ControlState {
    fn judge(&mut self, report: Report) -> Verdict {
        let accepted = self.accepted.entry(report.sandbox_id).or_default();
        let last = accepted.last().map(|last| (last.epoch, last.generation, last.seq));
        let of_owner = self.wishes.get(&report.sandbox_id).is_some_and(|work| work.epoch == report.epoch);
        if of_owner && Some((report.epoch, report.generation, report.seq)) > last {
            accepted.push(report);
            return Verdict::Applied;
        }
        self.stale += 1;
        Verdict::Stale
    }

    /// As it would be sent: with the last accepted counter and whether there was a container.
    fn stamped(&self, work: &Work) -> Work {
        let reports = self.accepted.get(&work.sandbox_id).into_iter().flatten();
        let of_epoch: Vec<_> = reports.filter(|report| report.epoch == work.epoch).collect();
        let seq = of_epoch.iter().map(|report| report.seq).max().unwrap_or(0);
        let expect_container =
            of_epoch.iter().any(|report| matches!(report.observed, Observed::Started | Observed::Stopped));
        Work { seq, expect_container, ..work.clone() }
    }
}

/// One agent's runner part, and what it talks to.
pub struct Rig {
    pub control: Arc<Control>,
    pub engine: Arc<dyn Engine>,
    pub runner: Option<Runner>,
    pub deployment: String,
    url: String,
    state: tempfile::TempDir,
    config: RunnerConfig,
}

impl Rig {
    /// A runner on this engine, whose sandboxes run `daemon`.
    pub async fn start(engine: Arc<dyn Engine>, daemon: &Path) -> Self {
        let deployment = format!("test-{}", Uuid::new_v4());
        let control = Arc::new(Control::default());
        control.state.lock().unwrap().deployment.clone_from(&deployment);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/agents", listener.local_addr().unwrap());
        let routes = control.url_routes();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let config = RunnerConfig {
            engine: EngineKind::Fake,
            daemon: daemon.to_owned(),
            docker_host: String::new(),
            cpu_overcommit: 1,
            pause_pool: 2,
            pause_image: None,
            subnet: None,
        };
        let state = tempfile::tempdir().unwrap();
        let mut rig = Self { control, engine, runner: None, deployment, url, state, config };
        rig.start_agent().await;
        rig
    }

    /// The agent ends as by SIGKILL, and a new one starts on the same state directory.
    pub async fn restart_agent(&mut self) {
        self.kill_agent().await;
        self.start_agent().await;
    }

    /// The agent ends as by SIGKILL; containers stay.
    pub async fn kill_agent(&mut self) {
        if let Some(mut runner) = self.runner.take() {
            runner.tasks.shutdown().await;
            runner.owners.shutdown().await;
        }
    }

    pub async fn start_agent(&mut self) {
        let journal = Arc::new(Journal::open(self.state.path()).unwrap());
        let introduction = Register {
            runner_id: journal.runner_id(),
            name: "rig".to_owned(),
            region: "local".to_owned(),
            role: Role::Both,
            version: String::new(),
            relay_url: String::new(),
            ticket_key: String::new(),
            capacity: Capacity::default(),
            capabilities: Vec::new(),
            images: Vec::new(),
            proof: None,
        };
        let api = Arc::new(ControlApi::new(&self.url, "join", introduction).unwrap());
        register::until_accepted(&api, &journal).await.unwrap();
        let capacity = Capacity { cpu: 64, memory_gib: 8, disk_gib: 1000, sandboxes: 100 };
        let engine = Arc::clone(&self.engine);
        let ground = Ground::new(engine, self.state.path(), api, journal).unwrap();
        let started = runner::start(&self.config, self.state.path(), ground, (2, capacity)).await;
        self.runner = Some(started.unwrap());
    }

    pub fn runner_id(&self) -> Uuid {
        self.control.state.lock().unwrap().runner.unwrap()
    }

    /// A first wish: to run.
    pub fn first_work(&self, image: &str) -> Work {
        let sandbox_id = Uuid::new_v4();
        Work {
            deployment: self.deployment.clone(),
            sandbox_id,
            epoch: 1,
            generation: 1,
            seq: 0,
            attempt: 1,
            wish: Wish::Started,
            expect_container: false,
            stop_if_idle_seconds: None,
            when_idle: WhenIdle::Stop,
            capture: None,
            archived: None,
            restore: None,
            spec: Spec {
                organization_id: Some(Uuid::new_v4()),
                image: image.to_owned(),
                snapshot: "snapshot".to_owned(),
                user: "root".to_owned(),
                region: "local".to_owned(),
                cpu: 1,
                memory_gib: 1,
                disk_gib: 3,
                env: seal(&Env::new(), sandbox_id),
            },
        }
    }

    /// The control plane's wish, sent.
    pub fn wish(&self, work: &Work) {
        let stamped = {
            let mut state = self.control.state.lock().unwrap();
            state.wishes.insert(work.sandbox_id, work.clone());
            state.stamped(work)
        };
        self.send(stamped);
    }

    /// A copy of a wish, whatever the control plane wants by now.
    pub fn send(&self, work: Work) {
        self.runner.as_ref().unwrap().registry.deliver(work);
    }

    /// Wishes and waits for the report that says so.
    pub async fn reach(&self, work: &Work) -> Report {
        let observed = match work.wish {
            Wish::Started => Observed::Started,
            Wish::Archived if work.archived.is_some() => Observed::Archived,
            Wish::Stopped { .. } | Wish::Archived => Observed::Stopped,
            Wish::Paused => Observed::Paused,
            Wish::Destroyed => Observed::Destroyed,
        };
        self.wish(work);
        self.control.heard(work, |seen| *seen == observed).await
    }

    /// Waits until doors are told so.
    pub async fn applied(&self, sandbox: Uuid, what: impl Fn(&Applied) -> bool) -> Applied {
        let handle = self.runner.as_ref().unwrap().registry.get_or_seat(sandbox);
        let mut applied = handle.applied();
        let reached = tokio::time::timeout(PATIENCE, applied.wait_for(|now| what(now))).await;
        match reached {
            Ok(applied) => applied.unwrap().clone(),
            Err(_) => panic!("doors are still told {:?}", handle.applied().borrow()),
        }
    }

    pub async fn running(&self, work: &Work) -> std::net::SocketAddr {
        let reached =
            |now: &Applied| now.has_reached(work.epoch, work.generation) && matches!(now.phase, Phase::Running { .. });
        match self.applied(work.sandbox_id, reached).await.phase {
            Phase::Running { addr } => addr,
            other => panic!("{other:?}"),
        }
    }

    /// Containers of the sandbox or of its pool, by name, with whether each runs.
    pub async fn containers(&self) -> Vec<(String, bool)> {
        let list = self.engine.list(&self.deployment, &self.runner_id().to_string()).await;
        let list = match list {
            Err(EngineError::Unavailable(_)) => Vec::new(),
            other => other.unwrap(),
        };
        list.into_iter().map(|container| (container.name, container.running)).collect()
    }

    /// How many containers hold files of the sandbox.
    pub async fn bodies(&self, sandbox: Uuid) -> usize {
        let name = format!("paddock-{sandbox}");
        self.containers().await.iter().filter(|(other, _)| *other == name).count()
    }
}

/// The next wish of a sandbox.
pub fn next(work: &Work, wish: Wish) -> Work {
    Work { generation: work.generation + 1, wish, ..work.clone() }
}

/// Seals as the control plane does.
pub fn seal(env: &Env, sandbox: Uuid) -> SealedEnv {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &STANDARD.decode(KEY).unwrap()).unwrap());
    let mut nonce = [0; 12];
    aws_lc_rs::rand::fill(&mut nonce).unwrap();
    let mut text = serde_json::to_vec(env).unwrap();
    let unique = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(unique, Aad::from(sandbox.to_string()), &mut text).unwrap();
    SealedEnv { nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(text) }
}
