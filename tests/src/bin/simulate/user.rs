//! Somebody who does this and that, by the public API and through the edge.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use paddock_model::entropy;
use paddock_runner_agent::{
    engine::{Engine as _, labels::container_name},
    sandboxes::registry::Phase,
};
use paddock_wire::agents::{Authorize, Credential, Grant};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    chance,
    cloud::{API_KEY, Cloud, Door, ORGANIZATION},
    files,
    invariants::words::Acknowledged,
    machine::Machine,
    trace,
};

/// How long the edge waits for an owner.
const GATE: Duration = Duration::from_secs(30);

pub struct User {
    cloud: Arc<Cloud>,
    /// Sandboxes that an answer has told of.
    known: Vec<Uuid>,
    /// Snapshots that were asked for, and what is in them at least.
    snapshots: BTreeMap<String, Vec<String>>,
    pub acknowledged: Acknowledged,
    words: u64,
}

impl User {
    pub fn new(cloud: &Arc<Cloud>) -> Self {
        Self {
            cloud: Arc::clone(cloud),
            known: Vec::new(),
            snapshots: BTreeMap::new(),
            acknowledged: Acknowledged::new(),
            words: 0,
        }
    }

    /// Does something.
    pub async fn act(&mut self, machines: &[Machine]) {
        let Some(id) = chance::pick(&self.known).copied().filter(|_| !chance::permille(150)) else {
            return self.create().await;
        };
        match entropy::below(100) {
            0..=34 => self.exec(id, machines).await,
            35..=49 => {
                self.post(id, "stop", if chance::permille(200) { json!({"force": true}) } else { Value::Null }).await
            }
            50..=64 => self.post(id, "start", Value::Null).await,
            65..=72 => self.post(id, "archive", Value::Null).await,
            73..=76 => self.post(id, "pause", Value::Null).await,
            77..=80 => self.fork(id).await,
            81..=83 => self.snapshot(id).await,
            84..=87 => self.resize(id).await,
            88..=89 => self.post(id, "recover", Value::Null).await,
            90 => self.post(id, "backup", Value::Null).await,
            91..=94 => self.set_timer(id).await,
            _ => self.delete(id).await,
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
        self.known.push(id);
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
        let ids: Vec<String> =
            listed["items"].as_array().into_iter().flatten().filter_map(|it| Some(it["id"].as_str()?.to_owned())).collect();
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
        if status == StatusCode::INTERNAL_SERVER_ERROR && why.contains("panic") {
            trace::broken(format!("{method} {path}: {why}"));
        }
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
