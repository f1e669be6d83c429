//! What was allowed and is no more.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    routing::{get, post},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use paddock_wire::agents::Revoked;
use reqwest::StatusCode;
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::{
    agents::Agents,
    scene::{Machine, Sandbox, TOKEN, edge_error, settings, sha256},
};
use crate::edge::EdgeSettings;

/// `/endless` sends one piece and then nothing.
fn daemon() -> Router {
    let endless = || async {
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"first"))]);
        Body::from_stream(first.chain(stream::pending()))
    };
    Router::new()
        .route("/x", get(|| async { "in" }))
        .route("/endless", get(endless))
        .route("/swallow", post(|_: Bytes| async {}))
}

async fn scene(settings: EdgeSettings) -> (Agents, Machine, Sandbox) {
    let agents = Agents::start().await;
    let machine = Machine::start(&agents, settings).await;
    let sandbox = Sandbox::running(&agents, &machine, daemon()).await;
    (agents, machine, sandbox)
}

#[tokio::test]
async fn an_open_download_ends() {
    let (agents, machine, sandbox) = scene(settings()).await;
    let mut download = machine.get(sandbox.id, "/endless").send().await.unwrap().bytes_stream();
    assert_eq!(download.next().await.unwrap().unwrap(), "first");
    agents.deny(TOKEN, &sandbox.id.to_string());
    agents.revoke(Revoked::Credential { sha256: sha256(TOKEN) });
    assert!(download.next().await.unwrap().is_err());
    edge_error(machine.get(sandbox.id, "/x").send().await.unwrap(), StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn an_open_upload_ends_with_an_answer() {
    let begun = Arc::new(Notify::new());
    let swallow = post({
        let begun = Arc::clone(&begun);
        move |request: Request| async move {
            let mut pieces = request.into_body().into_data_stream();
            while let Some(Ok(_)) = pieces.next().await {
                begun.notify_one();
            }
        }
    });
    let agents = Agents::start().await;
    let machine = Machine::start(&agents, settings()).await;
    let sandbox = Sandbox::running(&agents, &machine, Router::new().route("/swallow", swallow)).await;
    let (tx, rx) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let body = reqwest::Body::wrap_stream(ReceiverStream::new(rx));
    let call = tokio::spawn(machine.post(sandbox.id, "/swallow").body(body).send());
    tx.send(Ok(Bytes::from_static(b"piece"))).await.unwrap();
    begun.notified().await;
    agents.revoke(Revoked::Sandbox { sandbox_id: sandbox.id });
    let message = edge_error(call.await.unwrap().unwrap(), StatusCode::UNAUTHORIZED).await;
    assert!(message.contains("revoked"), "{message}");
}

#[tokio::test]
async fn others_go_on() {
    let (agents, machine, sandbox) = scene(settings()).await;
    let other = Sandbox::running(&agents, &machine, daemon()).await;
    let mut kept = machine.get(other.id, "/endless").send().await.unwrap().bytes_stream();
    let mut cut = machine.get(sandbox.id, "/endless").send().await.unwrap().bytes_stream();
    kept.next().await.unwrap().unwrap();
    cut.next().await.unwrap().unwrap();
    agents.revoke(Revoked::Credential { sha256: sha256("another") });
    agents.revoke(Revoked::Sandbox { sandbox_id: Uuid::new_v4() });
    agents.revoke(Revoked::Sandbox { sandbox_id: sandbox.id });
    assert!(cut.next().await.unwrap().is_err());
    assert!(futures::poll!(kept.next()).is_pending());
    // The feed repeats all it ever said; a grant asked for later is not hit by it again.
    let mut again = machine.get(sandbox.id, "/endless").send().await.unwrap().bytes_stream();
    again.next().await.unwrap().unwrap();
    agents.revoke(Revoked::Sandbox { sandbox_id: other.id });
    assert!(kept.next().await.unwrap().is_err());
    assert!(futures::poll!(again.next()).is_pending());
}

#[tokio::test]
async fn without_the_feed_only_known_callers_are_served() {
    let (agents, machine, sandbox) = scene(EdgeSettings { blind_after: Duration::from_secs(1), ..settings() }).await;
    let client = super::scene::client();
    let get = |token: &str| client.get(machine.url(sandbox.id, "/x")).bearer_auth(token).send();
    // A machine that is held up for longer than the silence that is allowed refuses at first.
    while get(TOKEN).await.unwrap().status() != StatusCode::OK {}
    agents.feed_down(true);
    // Each is a new caller, until the edge has noticed.
    let refused = loop {
        let token = format!("good-{}", Uuid::new_v4());
        agents.grant(&token, &sandbox.id.to_string(), sandbox.grant.clone());
        let answer = get(&token).await.unwrap();
        if answer.status() != StatusCode::OK {
            break answer;
        }
    };
    edge_error(refused, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(get(TOKEN).await.unwrap().status(), StatusCode::OK);
    agents.feed_down(false);
    let token = "good-late";
    agents.grant(token, &sandbox.id.to_string(), sandbox.grant.clone());
    while get(token).await.unwrap().status() != StatusCode::OK {}
}
