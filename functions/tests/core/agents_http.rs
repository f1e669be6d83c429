//! The agents' URLs: who may ask what, and the shapes of answers and refusals.

use std::sync::Arc;

use axum::{Router, body::Body, response::Response};
use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use http_body_util::BodyExt as _;
use paddock_functions::agents;
use paddock_localstack::stack::Stack;
use paddock_wire::agents::{AGENT_TOKEN_REFUSED, Capacity, Heartbeat, Register, Registered, Role};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    runner::registration,
    scene::{API_KEY, JOIN_TOKEN, Scene},
};

struct Door {
    router: Router,
    _stack: Stack,
}

impl Door {
    async fn open() -> Self {
        let Scene { app, stack, .. } = Scene::new().await;
        Self { router: agents::router(Arc::new(app)), _stack: stack }
    }

    async fn answer(&self, method: Method, path: &str, token: &str, body: Value) -> Response<Body> {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.header(AUTHORIZATION, format!("Bearer {token}")).body(Body::from(body.to_string()));
        self.router.clone().oneshot(request.expect("a request")).await.expect("infallible")
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let answer = self.answer(method, path, token, body).await;
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn register(&self, register: Register) -> Registered {
        let (status, body) = self.ask(Method::POST, "/agents/register", JOIN_TOKEN, json!(register)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_value(body).expect("registered")
    }
}

fn heartbeat() -> Value {
    json!(Heartbeat { allocated: Capacity::default(), inventory_digest: String::new(), images: vec![] })
}

const ROWS: [(Method, &str); 6] = [
    (Method::POST, "/agents/heartbeat"),
    (Method::POST, "/agents/inventory"),
    (Method::POST, "/agents/reports"),
    (Method::GET, "/agents/work/8c7f9f2e-7a1b-4a4e-9a53-111111111111"),
    (Method::POST, "/agents/authorize"),
    (Method::GET, "/agents/revocations"),
];

#[tokio::test]
async fn without_an_agents_token_nothing_is_answered() {
    let door = Door::open().await;
    for (method, path) in ROWS {
        for token in ["", "x", JOIN_TOKEN, API_KEY] {
            let (status, body) = door.ask(method.clone(), path, token, json!({})).await;
            assert_eq!((status, body["statusCode"].as_u64()), (StatusCode::UNAUTHORIZED, Some(401)), "{path} {token}");
        }
    }
    let (status, _) = door.ask(Method::POST, "/agents/register", "wrong", json!(registration())).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_agent_registers_and_speaks() {
    let door = Door::open().await;
    let agent = door.register(registration()).await;
    let (status, body) = door.ask(Method::POST, "/agents/heartbeat", &agent.token, heartbeat()).await;
    assert_eq!((status, body["edges"][0]["id"].as_str()), (StatusCode::OK, Some(agent.runner_id.to_string().as_str())));
    let (status, body) = door.ask(Method::POST, "/agents/reports", &agent.token, json!({"reports": []})).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"verdicts": []})));
    let (status, body) = door.ask(Method::POST, "/agents/inventory", &agent.token, json!({"entries": []})).await;
    assert_eq!((status, body), (StatusCode::OK, json!({"decisions": [], "missing": []})));
    let (status, body) = door.ask(Method::GET, "/agents/revocations", &agent.token, Value::Null).await;
    assert_eq!((status, &body["entries"]), (StatusCode::OK, &json!([])));
    let (status, _) = door.ask(Method::GET, ROWS[3].1, &agent.token, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = door.ask(Method::GET, "/agents/work/not-an-id", &agent.token, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_has_lost_its_key_is_told_what_to_do() {
    let door = Door::open().await;
    let agent = door.register(registration()).await;
    let again = Register { runner_id: Some(agent.runner_id), ..registration() };
    let (status, body) = door.ask(Method::POST, "/agents/register", JOIN_TOKEN, json!(again)).await;
    let message = body["message"].as_str().unwrap_or_default();
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(message.contains("without an id") && message.contains("dead"), "{message}");
}

#[tokio::test]
async fn only_edges_ask_about_callers() {
    let door = Door::open().await;
    let runner = door.register(Register { role: Role::Runner, ..registration() }).await;
    let question = json!({"sandbox": "x", "credential": {"kind": "bearer", "token": API_KEY}});
    let (status, _) = door.ask(Method::POST, "/agents/authorize", &runner.token, question.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let edge = door.register(Register { role: Role::Edge, ..registration() }).await;
    let (status, body) = door.ask(Method::POST, "/agents/authorize", &edge.token, question).await;
    assert_eq!((status, body["source"].as_str()), (StatusCode::NOT_FOUND, Some("DAYTONA_API")), "no such sandbox");
    let wrong = json!({"sandbox": "x", "credential": {"kind": "bearer", "token": "dtn_wrong"}});
    let about_caller = door.answer(Method::POST, "/agents/authorize", &edge.token, wrong.clone()).await;
    assert_eq!(about_caller.status(), StatusCode::UNAUTHORIZED);
    assert!(!about_caller.headers().contains_key(AGENT_TOKEN_REFUSED), "the edge itself is welcome");
    let about_edge = door.answer(Method::POST, "/agents/authorize", "lost", wrong).await;
    assert!(about_edge.headers().contains_key(AGENT_TOKEN_REFUSED), "the edge must register again");
}

#[tokio::test]
async fn malformed_bodies_change_nothing() {
    let door = Door::open().await;
    let agent = door.register(registration()).await;
    for body in [json!(null), json!([]), json!({"reports": [{"sandbox_id": "x"}]})] {
        let (status, _) = door.ask(Method::POST, "/agents/reports", &agent.token, body).await;
        assert!(status.is_client_error(), "{status}");
    }
    let wrong_region = Register { region: "elsewhere".into(), ..registration() };
    let (status, _) = door.ask(Method::POST, "/agents/register", JOIN_TOKEN, json!(wrong_region)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let wrong_key = Register { ticket_key: "AAAA".into(), ..registration() };
    let (status, _) = door.ask(Method::POST, "/agents/register", JOIN_TOKEN, json!(wrong_key)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
