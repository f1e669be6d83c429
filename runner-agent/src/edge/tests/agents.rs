//! An HTTP server in the place of the `agents` function: what it grants and revokes is set by the test.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use paddock_wire::{
    agents::{Authorize, Capacity, Credential, Grant, Register, Registered, Revocation, Revocations, Revoked, Role},
    work::Work,
};
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::control_api::ControlApi;

/// What the control plane knows.
pub struct Agents {
    pub url: String,
    state: Arc<Known>,
}

struct Known {
    grants: Mutex<HashMap<(String, String), Grant>>,
    works: Mutex<HashMap<Uuid, Work>>,
    revocations: Mutex<Vec<Revocation>>,
    asked: AtomicUsize,
    fetched: AtomicUsize,
    feed_down: AtomicBool,
    /// Authorize answers pass here, so that a test can hold them back.
    answers: Semaphore,
}

impl Agents {
    pub async fn start() -> Self {
        let state = Arc::new(Known {
            grants: Mutex::default(),
            works: Mutex::default(),
            revocations: Mutex::default(),
            asked: AtomicUsize::new(0),
            fetched: AtomicUsize::new(0),
            feed_down: AtomicBool::new(false),
            answers: Semaphore::new(10_000),
        });
        let router = Router::new()
            .route("/agents/register", post(register))
            .route("/agents/authorize", post(authorize))
            .route("/agents/work/{id}", get(work))
            .route("/agents/revocations", get(revocations))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/agents", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// A registered agent's client.
    pub async fn join(&self, relay_url: &str, ticket_key: &str) -> Arc<ControlApi> {
        let introduction = Register {
            runner_id: None,
            name: "test".to_owned(),
            region: "local".to_owned(),
            role: Role::Both,
            version: "0".to_owned(),
            relay_url: relay_url.to_owned(),
            ticket_key: ticket_key.to_owned(),
            capacity: Capacity::default(),
            capabilities: Vec::new(),
            images: Vec::new(),
            proof: None,
        };
        let api = ControlApi::new(&self.url, "join", introduction).unwrap();
        api.register().await.unwrap();
        Arc::new(api)
    }

    pub fn grant(&self, token: &str, sandbox: &str, grant: Grant) {
        self.state.grants.lock().unwrap().insert((token.to_owned(), sandbox.to_owned()), grant);
    }

    pub fn deny(&self, token: &str, sandbox: &str) {
        self.state.grants.lock().unwrap().remove(&(token.to_owned(), sandbox.to_owned()));
    }

    pub fn place_work(&self, work: Work) {
        self.state.works.lock().unwrap().insert(work.sandbox_id, work);
    }

    pub fn revoke(&self, what: Revoked) {
        let mut revocations = self.state.revocations.lock().unwrap();
        let id = format!("{:026}", revocations.len());
        revocations.push(Revocation { id, what });
    }

    pub fn feed_down(&self, down: bool) {
        self.state.feed_down.store(down, Ordering::SeqCst);
    }

    pub fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    pub fn fetched(&self) -> usize {
        self.state.fetched.load(Ordering::SeqCst)
    }

    /// Holds authorize answers back until the result is dropped.
    pub async fn hold_answers(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.state.answers.acquire_many(10_000).await.unwrap()
    }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "statusCode": status.as_u16(), "message": message, "source": "DAYTONA_API" })))
        .into_response()
}

async fn register() -> Json<Registered> {
    Json(Registered {
        runner_id: Uuid::new_v4(),
        deployment: "test".to_owned(),
        token: "agent".to_owned(),
        queue_url: String::new(),
        env_key: String::new(),
        heartbeat_seconds: 10,
    })
}

async fn authorize(State(known): State<Arc<Known>>, Json(asked): Json<Authorize>) -> Response {
    known.asked.fetch_add(1, Ordering::SeqCst);
    let _passed = known.answers.acquire().await.unwrap();
    let Credential::Bearer { token } = asked.credential;
    match known.grants.lock().unwrap().get(&(token.clone(), asked.sandbox)) {
        Some(grant) => Json(grant.clone()).into_response(),
        None if token.starts_with("good") => refusal(StatusCode::NOT_FOUND, "Sandbox not found"),
        None => refusal(StatusCode::UNAUTHORIZED, "Invalid credentials"),
    }
}

async fn work(State(known): State<Arc<Known>>, Path(id): Path<Uuid>) -> Response {
    known.fetched.fetch_add(1, Ordering::SeqCst);
    match known.works.lock().unwrap().get(&id) {
        Some(work) => Json(work.clone()).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "not owned"),
    }
}

async fn revocations(State(known): State<Arc<Known>>) -> Response {
    if known.feed_down.load(Ordering::SeqCst) {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "down");
    }
    // Always all of them: the edge must know again what it has heard.
    let entries = known.revocations.lock().unwrap().clone();
    Json(Revocations { entries, cursor: "c".to_owned() }).into_response()
}
