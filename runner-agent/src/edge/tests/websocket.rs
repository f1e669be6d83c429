//! WebSockets through the edge, on the owner's machine and over a hop.

use axum::{
    Router,
    extract::ws::{Message as DaemonMessage, WebSocketUpgrade},
    http::HeaderMap,
    routing::get,
};
use futures::{SinkExt, StreamExt};
use paddock_wire::agents::Revoked;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::Request},
};

use super::{
    agents::Agents,
    scene::{Machine, Sandbox, TOKEN, settings},
};

/// Echoes; says first what credentials it saw.
fn daemon() -> Router {
    let echo = |headers: HeaderMap, upgrade: WebSocketUpgrade| async move {
        let seen = format!("{:?}", headers.get("authorization"));
        upgrade.protocols(["X-Daytona-SDK-Version~1"]).on_upgrade(|mut socket| async move {
            socket.send(DaemonMessage::text(seen)).await.unwrap();
            while let Some(Ok(message)) = socket.recv().await {
                if matches!(message, DaemonMessage::Text(_) | DaemonMessage::Binary(_))
                    && socket.send(message).await.is_err()
                {
                    return;
                }
            }
        })
    };
    Router::new().route("/ws", get(echo))
}

fn request(machine: &Machine, sandbox: &Sandbox, token: Option<&str>) -> Request<()> {
    let mut request = machine.url(sandbox.id, "/ws").replace("http://", "ws://").into_client_request().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    request.headers_mut().insert("sec-websocket-protocol", "X-Daytona-SDK-Version~1".parse().unwrap());
    request
}

/// Through the owner's own edge, and through another one.
async fn scene() -> (Agents, [Machine; 2], Sandbox) {
    let agents = Agents::start().await;
    let owner = Machine::start(&agents, settings()).await;
    let edge = Machine::start(&agents, settings()).await;
    owner.edges.send_replace(vec![edge.as_edge()]);
    let sandbox = Sandbox::running(&agents, &owner, daemon()).await;
    (agents, [owner, edge], sandbox)
}

#[tokio::test]
async fn frames_go_both_ways_and_the_end_is_clean() {
    let (_agents, machines, sandbox) = scene().await;
    for machine in &machines {
        let (mut socket, answer) = connect_async(request(machine, &sandbox, Some(TOKEN))).await.unwrap();
        assert_eq!(answer.headers()["sec-websocket-protocol"], "X-Daytona-SDK-Version~1");
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("None"));
        for message in [Message::text("hello"), Message::binary(vec![0_u8; 300_000])] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.close(None).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
        assert!(socket.next().await.is_none());
    }
}

#[tokio::test]
async fn strangers_are_refused_before_the_upgrade() {
    let (_agents, machines, sandbox) = scene().await;
    for token in [None, Some("wrong")] {
        let refused = connect_async(request(&machines[0], &sandbox, token)).await;
        let Err(tungstenite::Error::Http(answer)) = refused else { panic!("{refused:?}") };
        assert_eq!(answer.status(), 401);
        let body: serde_json::Value = serde_json::from_slice(answer.body().as_deref().unwrap()).unwrap();
        assert_eq!(body["source"], "DAYTONA_PROXY");
    }
}

#[tokio::test]
async fn origins_outside_the_list_are_refused() {
    let agents = Agents::start().await;
    let origins = crate::edge::caller::AllowedOrigins::parse("https://app.example");
    let machine = Machine::start(&agents, crate::edge::EdgeSettings { origins, ..settings() }).await;
    let sandbox = Sandbox::running(&agents, &machine, daemon()).await;
    let from = |origin: &str| {
        let mut request = request(&machine, &sandbox, Some(TOKEN));
        request.headers_mut().insert("origin", origin.parse().unwrap());
        connect_async(request)
    };
    assert!(from("https://app.example").await.is_ok());
    let Err(tungstenite::Error::Http(answer)) = from("https://evil.example").await else { panic!("let in") };
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn revocation_closes_an_open_socket() {
    let (agents, machines, sandbox) = scene().await;
    let mut sockets = Vec::new();
    for machine in &machines {
        let (mut socket, _) = connect_async(request(machine, &sandbox, Some(TOKEN))).await.unwrap();
        socket.next().await.unwrap().unwrap();
        sockets.push(socket);
    }
    agents.revoke(Revoked::Sandbox { sandbox_id: sandbox.id });
    for mut socket in sockets {
        assert!(!matches!(socket.next().await, Some(Ok(_))));
    }
}
