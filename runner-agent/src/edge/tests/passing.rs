//! What passes to the daemon, and what does not.

use std::time::{Duration, Instant};

use axum::{Json, Router, body::Bytes, extract::Request, http::HeaderMap, response::Redirect, routing::get};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    agents::Agents,
    scene::{Machine, Sandbox, TOKEN, client, edge_error, raw, settings},
};
use crate::edge::grants::DENIED_FOR;

/// A daemon that answers with what it saw.
fn mirror() -> Router {
    Router::new().route("/moved", get(|| async { Redirect::temporary("/files/x?y=1") })).fallback(
        |request: Request| async move {
            let (parts, body) = request.into_parts();
            let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            Json(json!({
                "method": parts.method.as_str(),
                "target": parts.uri.path_and_query().map(ToString::to_string),
                "headers": headers(&parts.headers),
                "body": String::from_utf8_lossy(&body),
            }))
        },
    )
}

fn headers(headers: &HeaderMap) -> Value {
    let pairs = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
    Value::Object(pairs.collect())
}

async fn scene() -> (Agents, Machine, Sandbox) {
    let agents = Agents::start().await;
    let machine = Machine::start(&agents, settings()).await;
    let sandbox = Sandbox::running(&agents, &machine, mirror()).await;
    (agents, machine, sandbox)
}

#[tokio::test]
async fn path_and_query_arrive_byte_for_byte() {
    let (_agents, machine, sandbox) = scene().await;
    for target in ["/files/a%2Fb//c%20d;x=~!", "/files/?path=../a%00b&&q=%2e%2e/+", "/files/", "/"] {
        let path = format!("/toolbox/{}{target}", sandbox.id);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n");
        let answer = raw(machine.clients, &request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        let seen: Value = serde_json::from_str(body).unwrap();
        assert_eq!(seen["target"], target);
    }
}

#[tokio::test]
async fn every_method_passes_with_its_body() {
    let (_agents, machine, sandbox) = scene().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = client().request(method.clone(), machine.url(sandbox.id, "/git/branches")).bearer_auth(TOKEN);
        let seen: Value = request.body("{\"a\":1}").send().await.unwrap().json().await.unwrap();
        assert_eq!((&seen["method"], &seen["body"]), (&json!(method.as_str()), &json!("{\"a\":1}")));
    }
}

#[tokio::test]
async fn credentials_stop_here_and_versions_pass() {
    let (_agents, machine, sandbox) = scene().await;
    let request = machine
        .get(sandbox.id, "/x?DAYTONA_SANDBOX_AUTH_KEY=secret&a=1")
        .header("X-Daytona-Preview-Token", "secret")
        .header("X-Paddock-Ticket", "secret")
        .header("Cookie", "daytona-sandbox-auth-x=secret; theirs=1")
        .header("X-Daytona-SDK-Version", "0.226.1")
        .header("X-Daytona-Source", "sdk-python");
    let seen: Value = request.send().await.unwrap().json().await.unwrap();
    let text = seen.to_string();
    assert!(!text.contains("secret") && !text.contains(TOKEN), "{text}");
    assert_eq!(seen["target"], "/x?a=1");
    assert_eq!(seen["headers"]["x-daytona-sdk-version"], "0.226.1");
    assert_eq!(seen["headers"]["x-daytona-source"], "sdk-python");
    assert_eq!(seen["headers"]["cookie"], "theirs=1");
    assert_eq!(seen["headers"]["x-forwarded-host"], machine.clients.to_string());
}

#[tokio::test]
async fn the_old_route_serves_too_and_redirects_keep_their_front() {
    let (_agents, machine, sandbox) = scene().await;
    for front in [format!("/toolbox/{}", sandbox.id), format!("/api/toolbox/{}/toolbox", sandbox.id)] {
        let url = format!("http://{}{front}/moved", machine.clients);
        let moved = client().get(url).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(moved.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(moved.headers()["location"], format!("{front}/files/x?y=1"));
    }
}

#[tokio::test]
async fn strangers_and_odd_paths_get_a_whole_error() {
    let (agents, machine, sandbox) = scene().await;
    let url = machine.url(sandbox.id, "/x");
    edge_error(client().get(&url).send().await.unwrap(), StatusCode::UNAUTHORIZED).await;
    let wrong = client().get(&url).bearer_auth("wrong").send().await.unwrap();
    assert_eq!(edge_error(wrong, StatusCode::UNAUTHORIZED).await, "Invalid credentials");
    let other = machine.get(Uuid::new_v4(), "/x").send().await.unwrap();
    edge_error(other, StatusCode::NOT_FOUND).await;
    let route = client().get(format!("http://{}/nothing", machine.clients)).send().await.unwrap();
    edge_error(route, StatusCode::NOT_FOUND).await;
    let asked = agents.asked();
    for path in ["/a/../b", "/%2e%2e/b", "/a%00"] {
        let request = format!(
            "POST /toolbox/{}{path} HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
            sandbox.id
        );
        let answer = raw(machine.clients, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        assert!(answer.contains("DAYTONA_PROXY"), "{path}: {answer}");
    }
    assert_eq!(agents.asked(), asked);
}

#[tokio::test]
async fn what_is_not_http_gets_a_whole_error_too() {
    let (_agents, machine, sandbox) = scene().await;
    let long = "n".repeat(10 * 1024 * 1024);
    let cases = [
        (format!("GET /toolbox/{}/{long} HTTP/1.1\r\nHost: e\r\n\r\n", sandbox.id), "431"),
        (format!("GET /x HTTP/1.1\r\nHost: e\r\nX-Long: {long}\r\n\r\n"), "431"),
        (format!("GET /{} HTTP/1.1\r\nHost: e\r\n\r\n", &long[..70_000]), "414"),
        ("GET /a b c\0 HTTP/1.1\r\n\r\n".to_owned(), "400"),
    ];
    for (request, status) in cases {
        let answer = raw(machine.clients, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&body["source"], &body["statusCode"]),
            (&json!("DAYTONA_PROXY"), &json!(status.parse::<u16>().unwrap()))
        );
    }
}

#[tokio::test]
async fn two_opinions_on_the_length_become_one() {
    let (_agents, machine, sandbox) = scene().await;
    let request = format!(
        "POST /toolbox/{}/x HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        sandbox.id
    );
    let answer = raw(machine.clients, &request).await;
    if answer.starts_with("HTTP/1.1 200") {
        let seen: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((&seen["body"], &seen["headers"]["content-length"]), (&json!("abc"), &Value::Null));
    } else {
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}

#[tokio::test]
async fn wrong_credentials_are_asked_about_once() {
    let (agents, machine, sandbox) = scene().await;
    let client = client();
    let began = Instant::now();
    for _ in 0..5 {
        let wrong = client.get(machine.url(sandbox.id, "/x")).bearer_auth("wrong").send().await.unwrap();
        edge_error(wrong, StatusCode::UNAUTHORIZED).await;
    }
    // A refusal is forgotten after a while; on a machine that is held up that may be in the middle of this.
    let forgotten = usize::try_from(began.elapsed().as_secs() / DENIED_FOR.as_secs()).unwrap();
    assert!((1..=1 + forgotten).contains(&agents.asked()), "{} questions", agents.asked());
}

#[tokio::test]
async fn concurrent_callers_share_one_question() {
    let (agents, machine, sandbox) = scene().await;
    let held_back = agents.hold_answers().await;
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(machine.get(sandbox.id, "/x").send())).collect();
    while agents.asked() == 0 {
        tokio::task::yield_now().await;
    }
    drop(held_back);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(agents.asked(), 1);
}

#[tokio::test]
async fn browsers_get_their_headers_and_preflights_need_no_key() {
    let (_agents, machine, sandbox) = scene().await;
    let preflight = client()
        .request(Method::OPTIONS, machine.url(sandbox.id, "/x"))
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization,x-daytona-source");
    let preflight = preflight.send().await.unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://app.example");
    assert_eq!(preflight.headers()["access-control-allow-headers"], "authorization,x-daytona-source");
    let request = machine.get(sandbox.id, "/x").header("Origin", "https://app.example");
    let plain = request.send().await.unwrap();
    assert_eq!(plain.headers()["access-control-allow-credentials"], "true");
    let own =
        machine.get(sandbox.id, "/x").header("Origin", "https://a.example").header("X-Daytona-Disable-CORS", "true");
    assert!(!own.send().await.unwrap().headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn health_is_open() {
    let (_agents, machine, _sandbox) = scene().await;
    let health = client().get(format!("http://{}/health", machine.clients)).send().await.unwrap();
    let body: Value = health.json().await.unwrap();
    assert_eq!(body["status"], "ok");
}

#[tokio::test]
async fn use_counts_unless_the_caller_says_otherwise() {
    let (_agents, machine, sandbox) = scene().await;
    let idle = &sandbox.seat.idle;
    let rest = Duration::from_millis(50);
    while idle.idle() < rest {
        tokio::task::yield_now().await;
    }
    machine.get(sandbox.id, "/x").header("X-Daytona-Skip-Last-Activity-Update", "true").send().await.unwrap();
    assert!(idle.idle() >= rest);
    let began = Instant::now();
    machine.get(sandbox.id, "/x").send().await.unwrap();
    // Untouched, the clock would stand at `rest` or more on top of the time that the request took.
    assert!(idle.idle() < began.elapsed() + rest);
}
