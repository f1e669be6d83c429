//! Somebody who does this and that, by the public API and through the edge.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request};
use paddock_model::{entropy, lifecycle::State};
use paddock_runner_agent::{
    engine::{Engine as _, labels::container_name},
    sandboxes::registry::Phase,
};
use paddock_wire::agents::{Authorize, Credential, Grant};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    aws::Aws,
    chance,
    cloud::{API_KEY, Cloud, Door, ORGANIZATION},
    files,
    invariants::{heads, words::Acknowledged},
    machine::Machine,
    trace,
};

/// How long the edge waits for an owner.
const GATE: Duration = Duration::from_secs(30);

/// What can be done with a sandbox.
#[derive(Clone, Copy)]
enum Act {
    Exec,
    Stop,
    Start,
    Archive,
    Pause,
    Fork,
    Snapshot,
    Resize,
    Recover,
    BackUp,
    SetTimer,
    Delete,
}

/// Acts by share.
type Acts<const N: usize> = [(u64, Act); N];

const STARTED: Acts<8> = [
    (45, Act::Exec),
    (25, Act::Stop),
    (6, Act::Fork),
    (4, Act::Snapshot),
    (7, Act::Pause),
    (4, Act::Resize),
    (4, Act::SetTimer),
    (5, Act::Delete),
];
const STOPPED: Acts<8> = [
    (35, Act::Start),
    (30, Act::Archive),
    (8, Act::Fork),
    (5, Act::Snapshot),
    (8, Act::Resize),
    (4, Act::BackUp),
    (5, Act::SetTimer),
    (5, Act::Delete),
];
const ARCHIVED: Acts<4> = [(75, Act::Start), (10, Act::Fork), (5, Act::SetTimer), (10, Act::Delete)];
const PAUSED: Acts<4> = [(60, Act::Start), (25, Act::Stop), (5, Act::Archive), (10, Act::Delete)];
const FAILED: Acts<4> = [(50, Act::Recover), (10, Act::Start), (10, Act::Stop), (30, Act::Delete)];
const ANYTHING: Acts<12> = [
    (20, Act::Exec),
    (10, Act::Stop),
    (15, Act::Start),
    (10, Act::Archive),
    (8, Act::Pause),
    (6, Act::Fork),
    (4, Act::Snapshot),
    (6, Act::Resize),
    (4, Act::Recover),
    (3, Act::BackUp),
    (6, Act::SetTimer),
    (8, Act::Delete),
];

pub struct User {
    cloud: Arc<Cloud>,
    /// Snapshots that were asked for, and what is in them at least.
    snapshots: BTreeMap<String, Vec<String>>,
    pub acknowledged: Acknowledged,
    words: u64,
}

impl User {
    pub fn new(cloud: &Arc<Cloud>) -> Self {
        Self { cloud: Arc::clone(cloud), snapshots: BTreeMap::new(), acknowledged: Acknowledged::new(), words: 0 }
    }

    /// Does something: most often what makes sense in the state that one of its sandboxes is in.
    pub async fn act(&mut self, aws: &Aws, machines: &[Machine]) {
        let heads = heads(&aws.table.records());
        let alive =
            heads.iter().filter(|head| head.state != State::Destroyed && self.acknowledged.contains_key(&head.id.0));
        let alive: Vec<(Uuid, State)> = alive.map(|head| (head.id.0, head.state)).collect();
        let enough = if alive.len() < 4 { 400 } else { 80 };
        let Some((id, state)) = chance::pick(&alive).copied().filter(|_| !chance::permille(enough)) else {
            return self.create().await;
        };
        let sensible: &[(u64, Act)] = match state {
            State::Started => &STARTED,
            State::Stopped => &STOPPED,
            State::Archived => &ARCHIVED,
            State::Paused => &PAUSED,
            State::Error => &FAILED,
            _ => &ANYTHING,
        };
        let acts = if chance::permille(150) { &ANYTHING } else { sensible };
        let mut drawn = entropy::below(acts.iter().map(|(share, _)| share).sum());
        for (share, act) in acts {
            if drawn < *share {
                return self.perform(*act, id, machines).await;
            }
            drawn -= share;
        }
    }

    async fn perform(&mut self, act: Act, id: Uuid, machines: &[Machine]) {
        match act {
            Act::Exec => self.exec(id, machines).await,
            Act::Stop if chance::permille(200) => self.post(id, "stop", json!({"force": true})).await,
            Act::Stop => self.post(id, "stop", Value::Null).await,
            Act::Start => self.post(id, "start", Value::Null).await,
            Act::Archive => self.post(id, "archive", Value::Null).await,
            Act::Pause => self.post(id, "pause", Value::Null).await,
            Act::Fork => self.fork(id).await,
            Act::Snapshot => self.snapshot(id).await,
            Act::Resize => self.resize(id).await,
            Act::Recover => self.post(id, "recover", Value::Null).await,
            Act::BackUp => self.post(id, "backup", Value::Null).await,
            Act::SetTimer => self.set_timer(id).await,
            Act::Delete => self.delete(id).await,
        }
    }

    async fn create(&mut self) {
        let minutes = |choices: &[i64]| chance::pick(choices).copied();
        let mut body = json!({
            "autoStopInterval": minutes(&[0, 0, 1, 5]),
            "autoArchiveInterval": minutes(&[0, 1, 3, 10]),
            "autoDeleteInterval": minutes(&[-1, -1, -1, 10, 0]),
        });
        if chance::permille(300) {
            body["name"] = json!(format!("name-{}", entropy::below(4)));
        }
        if chance::permille(100) {
            body["ttlMinutes"] = json!(1 + entropy::below(10));
        }
        if chance::permille(200) {
            body["queueTimeout"] = json!(1 + entropy::below(3));
        }
        let mut words = Vec::new();
        if let Some((name, within)) = self.snapshots.iter().nth(entropy::index(self.snapshots.len() + 1)) {
            body["snapshot"] = json!(name);
            words.clone_from(within);
        }
        if chance::permille(300) {
            body["env"] = json!({"A": entropy::below(3).to_string()});
        }
        if let Some(made) = self.ask(Method::POST, "/sandbox", &body).await {
            self.note_new(&made, words);
        }
    }

    async fn fork(&mut self, id: Uuid) {
        let words = self.acknowledged.get(&id).cloned().unwrap_or_default();
        if let Some(made) = self.ask(Method::POST, &format!("/sandbox/{id}/fork"), &json!({})).await {
            self.note_new(&made, words);
        }
    }

    async fn snapshot(&mut self, id: Uuid) {
        let name = format!("snapshot-{}", self.snapshots.len());
        let words = self.acknowledged.get(&id).cloned().unwrap_or_default();
        let body = json!({ "name": name });
        if self.ask(Method::POST, &format!("/sandbox/{id}/snapshot"), &body).await.is_some() {
            self.snapshots.insert(name, words);
        }
    }

    fn note_new(&mut self, made: &Value, words: Vec<String>) {
        let Some(id) = made["id"].as_str().and_then(|id| id.parse().ok()) else { return };
        self.acknowledged.insert(id, words);
    }

    async fn resize(&mut self, id: Uuid) {
        let body = json!({"cpu": 1 + entropy::below(3), "memory": 1 + entropy::below(4)});
        self.post(id, "resize", body).await;
    }

    async fn set_timer(&mut self, id: Uuid) {
        let (timer, minutes) = match entropy::below(4) {
            0 => ("autostop", entropy::below(4)),
            1 => ("autoarchive", 1 + entropy::below(4)),
            2 => ("autopause", entropy::below(4)),
            _ => ("autodelete", 3 + entropy::below(10)),
        };
        self.post(id, &format!("{timer}/{minutes}"), Value::Null).await;
    }

    async fn post(&self, id: Uuid, what: &str, body: Value) {
        self.ask(Method::POST, &format!("/sandbox/{id}/{what}"), &body).await;
    }

    async fn delete(&self, id: Uuid) {
        self.ask(Method::DELETE, &format!("/sandbox/{id}"), &Value::Null).await;
    }

    /// Wishes everything gone that the API shows; how many were there.
    pub async fn delete_all(&self) -> usize {
        let listed = self.ask(Method::GET, "/sandbox", &Value::Null).await.unwrap_or_default();
        let ids: Vec<String> = listed["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| Some(it["id"].as_str()?.to_owned()))
            .collect();
        for id in &ids {
            self.ask(Method::DELETE, &format!("/sandbox/{id}"), &Value::Null).await;
        }
        let listed = self.ask(Method::GET, "/snapshots", &Value::Null).await.unwrap_or_default();
        let snapshots = listed["items"].as_array().cloned().unwrap_or_default();
        let own = snapshots.iter().filter(|it| it["name"].as_str().is_some_and(|name| name.starts_with("snapshot-")));
        for snapshot in own {
            let id = snapshot["id"].as_str().unwrap_or_default();
            self.ask(Method::DELETE, &format!("/snapshots/{id}"), &Value::Null).await;
        }
        ids.len()
    }

    /// The body of a 2xx.
    async fn ask(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let mut request = Request::builder().method(method.clone()).uri(format!("/api{path}"));
        request = request.header("authorization", format!("Bearer {API_KEY}"));
        if !bytes.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let answer = self.cloud.ask(Door::Api, request.body(bytes).ok()?).await;
        let Some(answer) = answer else {
            trace::note(format!("user: {method} {path}: no answer"));
            return None;
        };
        let (status, value) = (answer.status(), serde_json::from_slice::<Value>(answer.body()).unwrap_or_default());
        let why = value["message"].as_str().unwrap_or_default();
        trace::note(format!("user: {method} {path} {body}: {} {why}", status.as_u16()));
        status.is_success().then_some(value)
    }

    /// A call through the edge of any machine: authorized, held at the gate, and then one word is written.
    async fn exec(&mut self, id: Uuid, machines: &[Machine]) {
        let edges: Vec<_> = machines.iter().filter(|it| it.is_reachable()).filter_map(Machine::doors).collect();
        let Some((_, api)) = chance::pick(&edges) else { return };
        let asked = Authorize {
            sandbox: id.to_string(),
            credential: Credential::Bearer { token: API_KEY.to_owned() },
            organization: None,
        };
        let Ok(grant) = api.authorize(&asked).await else { return };
        chance::latency().await;
        self.words += 1;
        let word = format!("w{}", self.words);
        let owner = machines.iter().find(|it| it.runner_id().is_some() && it.runner_id() == grant.runner_id);
        let Some(owner) = owner.filter(|_| grant.wants_started) else { return };
        if tokio::time::timeout(GATE, enter(owner, &grant, &word)).await == Ok(true) {
            trace::note(format!("user: {id} has {word}"));
            self.acknowledged.entry(id).or_default().push(word);
        }
    }
}

/// True once the word is written.
async fn enter(owner: &Machine, grant: &Grant, word: &str) -> bool {
    loop {
        let Some((registry, _)) = owner.doors().filter(|_| owner.is_reachable()) else { return false };
        let id = grant.sandbox_id;
        let Some(handle) = registry.get(id) else { return false };
        let applied = handle.applied().borrow().clone();
        let open = applied.has_reached(grant.epoch, grant.generation) && matches!(applied.phase, Phase::Running { .. });
        if open {
            let Phase::Running { addr } = applied.phase else { return false };
            if applied.organization_id != Some(ORGANIZATION) || grant.organization_id != ORGANIZATION {
                trace::broken(format!("{id}: open to {:?}", applied.organization_id));
            }
            // From here to the word nothing else happens: the daemon either answers or does not.
            if owner.engine.daemon_at(addr).is_some() {
                let Ok(Some(container)) = owner.engine.inspect(&container_name(id)).await else { return false };
                if container.daemon != Some(addr)
                    || container.labels.sandbox().is_none_or(|it| it.epoch != applied.epoch)
                {
                    trace::broken(format!("{id}: its door leads to another container"));
                }
                let Ok(Some(dir)) = owner.engine.upper_dir(&container.id).await else { return false };
                files::add_word(&dir, word);
                handle.touch();
                return true;
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
