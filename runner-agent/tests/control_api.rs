//! The client of the agents API: whose 401 it is, and one registration for all who notice.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use paddock_runner_agent::control_api::{ControlApi, ControlApiError};
use paddock_wire::agents::{
    AGENT_TOKEN_REFUSED, Authorize, Capacity, Credential, Heartbeat, HeartbeatAnswer, Register, RegisterProof,
    Registered, Role,
};
use uuid::Uuid;

/// Registrations so far; only the token of the newest is good.
#[derive(Clone, Default)]
struct Plane(Arc<AtomicUsize>);

impl Plane {
    async fn register(State(plane): State<Self>, Json(body): Json<Register>) -> Result<Json<Registered>, StatusCode> {
        if body.proof != body.runner_id.map(prove) {
            return Err(StatusCode::FORBIDDEN);
        }
        let count = plane.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Json(Registered {
            runner_id: body.runner_id.unwrap_or_else(Uuid::new_v4),
            deployment: "d".to_owned(),
            token: format!("token {count}"),
            queue_url: String::new(),
            env_key: String::new(),
            heartbeat_seconds: 1,
        }))
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let good = format!("Bearer token {}", self.0.load(Ordering::SeqCst));
        headers.get(AUTHORIZATION).is_some_and(|shown| *shown == *good)
    }

    async fn heartbeat(State(plane): State<Self>, headers: HeaderMap) -> Response {
        if plane.knows(&headers) {
            Json(HeartbeatAnswer { send_inventory: false, edges: Vec::new() }).into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        }
    }

    async fn authorize(State(plane): State<Self>, headers: HeaderMap) -> Response {
        if plane.knows(&headers) {
            (StatusCode::UNAUTHORIZED, "about the caller").into_response()
        } else {
            (StatusCode::UNAUTHORIZED, [(AGENT_TOKEN_REFUSED, "1")]).into_response()
        }
    }

    async fn start() -> (Self, Arc<ControlApi>) {
        let plane = Self::default();
        let routes = Router::new()
            .route("/agents/register", post(Self::register))
            .route("/agents/heartbeat", post(Self::heartbeat))
            .route("/agents/authorize", post(Self::authorize))
            .route("/agents/work/{id}", get(|| async { StatusCode::NOT_FOUND }))
            .with_state(plane.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/agents", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let introduction = Register {
            runner_id: None,
            name: "agent".to_owned(),
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
        (plane, Arc::new(ControlApi::new(&url, "join", introduction).unwrap().with_proof(prove)))
    }

    /// All tokens are forgotten, as when the agent was declared dead.
    fn forget(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn prove(agent: Uuid) -> RegisterProof {
    RegisterProof { at: 0, signature: agent.to_string() }
}

fn heartbeat() -> Heartbeat {
    Heartbeat { allocated: Capacity::default(), inventory_digest: String::new(), images: Vec::new() }
}

fn question() -> Authorize {
    let credential = Credential::Bearer { token: "dtn_wrong".to_owned() };
    Authorize { sandbox: "name".to_owned(), credential, organization: None }
}

#[tokio::test]
async fn a_forgotten_token_is_renewed_once_for_all_and_the_id_stays_because_it_is_proven() {
    let (plane, api) = Plane::start().await;
    assert!(matches!(api.heartbeat(&heartbeat()).await, Err(ControlApiError::NotRegistered)));
    let first = api.register().await.unwrap().runner_id;
    plane.forget();
    let calls = (0..8).map(|_| async { api.heartbeat(&heartbeat()).await.map(|_| ()) });
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
    assert_eq!(plane.0.load(Ordering::SeqCst), 3, "one registration at first, one act of forgetting, one renewal");
    assert_eq!(api.session().unwrap().runner_id, first);
}

#[tokio::test]
async fn a_wrong_caller_does_not_make_the_agent_register_again() {
    let (plane, api) = Plane::start().await;
    api.register().await.unwrap();
    let refused = api.authorize(&question()).await.err().unwrap();
    assert!(matches!(&refused, ControlApiError::Refused { body, .. } if body == "about the caller"));
    assert_eq!(plane.0.load(Ordering::SeqCst), 1);
    plane.forget();
    let refused = api.authorize(&question()).await.err().unwrap();
    assert!(matches!(&refused, ControlApiError::Refused { body, .. } if body == "about the caller"));
    assert_eq!(plane.0.load(Ordering::SeqCst), 3, "but its own refused token does");
}

#[tokio::test]
async fn work_of_someone_else_is_none() {
    let (_plane, api) = Plane::start().await;
    api.register().await.unwrap();
    assert_eq!(api.work(Uuid::new_v4()).await.unwrap(), None);
}
