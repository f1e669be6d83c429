//! Two machines: a request that lands on the wrong one takes one hop, with a ticket.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Body,
    extract::Request,
    routing::{any, post},
};
use paddock_wire::agents::{EdgeKey, Grant};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    agents::Agents,
    scene::{Machine, Sandbox, TOKEN, client, edge_error, nowhere, settings},
};
use crate::{edge::EdgeSettings, sandboxes::registry::Phase};

const FOREVER: Duration = Duration::from_secs(3600);

fn daemon() -> Router {
    let mirror = |request: Request| async move {
        let headers: serde_json::Map<String, Value> =
            request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
        Json(json!({ "target": request.uri().to_string(), "headers": headers }))
    };
    let echo = |request: Request| async { Body::from_stream(request.into_body().into_data_stream()) };
    Router::new().route("/echo", post(echo)).fallback(any(mirror))
}

struct Scene {
    agents: Agents,
    edge: Machine,
    owner: Machine,
    sandbox: Sandbox,
}

async fn scene() -> Scene {
    let agents = Agents::start().await;
    let edge = Machine::start(&agents, settings()).await;
    let owner = Machine::start(&agents, settings()).await;
    owner.edges.send_replace(vec![edge.as_edge()]);
    let sandbox = Sandbox::running(&agents, &owner, daemon()).await;
    Scene { agents, edge, owner, sandbox }
}

impl Scene {
    fn relay(&self, sandbox_id: Uuid, ticket: Option<&str>) -> RequestBuilder {
        let request = client().get(format!("http://{}/relay/{sandbox_id}/x", self.owner.relays));
        ticket.into_iter().fold(request, |request, ticket| request.header("X-Paddock-Ticket", ticket))
    }

    fn ticket(&self) -> String {
        self.edge.ticket_key.sign(self.edge.id, self.owner.id, &self.sandbox.grant).unwrap()
    }
}

#[tokio::test]
async fn a_request_reaches_the_owner_without_the_callers_credential() {
    let scene = scene().await;
    let answer = scene.edge.get(scene.sandbox.id, "/a%2Fb?c=%20").header("X-Daytona-SDK-Version", "1").send().await;
    let seen: Value = answer.unwrap().json().await.unwrap();
    assert_eq!(seen["target"], "/a%2Fb?c=%20");
    assert_eq!(seen["headers"]["x-daytona-sdk-version"], "1");
    assert_eq!(seen["headers"]["x-forwarded-host"], scene.edge.clients.to_string());
    let text = seen.to_string();
    assert!(!text.contains(TOKEN) && !text.contains("ticket"), "{text}");
}

#[tokio::test]
async fn bodies_take_the_hop_too() {
    let scene = scene().await;
    let body = vec![5_u8; 8 * 1024 * 1024];
    let back = scene.edge.post(scene.sandbox.id, "/echo").body(body.clone()).send().await.unwrap();
    assert_eq!(back.bytes().await.unwrap(), body);
}

#[tokio::test]
async fn the_relay_door_opens_to_good_tickets_only() {
    let scene = scene().await;
    let id = scene.sandbox.id;
    assert_eq!(scene.relay(id, Some(&scene.ticket())).send().await.unwrap().status(), StatusCode::OK);
    let (grant, key) = (&scene.sandbox.grant, &scene.edge.ticket_key);
    let bad = [
        key.sign(scene.edge.id, Uuid::new_v4(), grant).unwrap(),
        key.sign(scene.edge.id, scene.owner.id, &Grant { sandbox_id: Uuid::new_v4(), ..grant.clone() }).unwrap(),
        key.sign(scene.owner.id, scene.owner.id, grant).unwrap(),
        scene.owner.ticket_key.sign(scene.edge.id, scene.owner.id, grant).unwrap(),
        "rubbish".to_owned(),
    ];
    for ticket in bad.iter().map(|ticket| Some(ticket.as_str())).chain([None]) {
        let refused = scene.relay(id, ticket).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(refused.json::<Value>().await.unwrap()["source"], "DAYTONA_PROXY");
    }
    // A bearer credential is nothing here.
    let bearer = scene.relay(id, None).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(bearer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_edge_that_left_the_list_is_no_longer_served() {
    let scene = scene().await;
    let stranger = EdgeKey { id: Uuid::new_v4(), ..scene.edge.as_edge() };
    scene.owner.edges.send_replace(vec![stranger]);
    let refused = scene.relay(scene.sandbox.id, Some(&scene.ticket())).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    // To the caller it is no fault of the credential.
    let told = scene.edge.get(scene.sandbox.id, "/x").send().await.unwrap();
    edge_error(told, StatusCode::SERVICE_UNAVAILABLE).await;
}

#[tokio::test]
async fn an_edge_that_is_new_is_waited_for() {
    let agents = Agents::start().await;
    let edge = Machine::start(&agents, settings()).await;
    let owner = Machine::start(&agents, EdgeSettings { new_edge_wait: FOREVER, ..settings() }).await;
    let sandbox = Sandbox::running(&agents, &owner, daemon()).await;
    let call = tokio::spawn(edge.get(sandbox.id, "/x").send());
    while owner.edges.receiver_count() < 2 {
        tokio::task::yield_now().await;
    }
    owner.edges.send_replace(vec![edge.as_edge()]);
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_relayed_request_is_never_relayed_again() {
    let scene = scene().await;
    // The grant says that the owner holds it; the owner has never heard of it, and the control plane neither.
    let lost = Uuid::new_v4();
    let grant = Grant { sandbox_id: lost, ..scene.sandbox.grant.clone() };
    scene.agents.grant(TOKEN, &lost.to_string(), grant);
    let answer = scene.edge.get(lost, "/x").send().await.unwrap();
    let message = edge_error(answer, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(message.contains("moved"), "{message}");
}

#[tokio::test]
async fn after_a_move_the_new_owner_is_found() {
    let scene = scene().await;
    let id = scene.sandbox.id;
    assert_eq!(scene.edge.get(id, "/x").send().await.unwrap().status(), StatusCode::OK);
    // Moved to the edge's own machine, at the next epoch; the edge remembers the old place.
    scene.sandbox.becomes(Phase::Gone);
    let grant = Grant {
        epoch: 2,
        runner_id: Some(scene.edge.id),
        relay_url: Some(format!("http://{}", scene.edge.relays)),
        ..scene.sandbox.grant.clone()
    };
    scene.agents.grant(TOKEN, &id.to_string(), grant.clone());
    let addr = super::scene::serve(daemon()).await;
    let seat = scene.edge.seat(id);
    seat.applied.send_replace(super::scene::applied(&grant, Phase::Running { addr }));
    // What the old owner's door was sent is not lost.
    let answer = scene.edge.post(id, "/echo").body("x").send().await.unwrap();
    assert_eq!((answer.status(), answer.text().await.unwrap()), (StatusCode::OK, "x".to_owned()));
}

#[tokio::test]
async fn refusals_of_the_owner_are_told_as_ours() {
    let scene = scene().await;
    scene.agents.place_work(scene.sandbox.work(1, paddock_wire::work::Wish::Started));
    scene.sandbox.becomes(Phase::Stopped);
    let id = scene.sandbox.id;
    let message = edge_error(scene.edge.get(id, "/x").send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    assert!(message.contains("not running"), "{message}");
    scene.sandbox.becomes(Phase::Failed { reason: "disk full".to_owned() });
    let message = edge_error(scene.edge.get(id, "/x").send().await.unwrap(), StatusCode::CONFLICT).await;
    assert!(message.contains("disk full"), "{message}");
}

#[tokio::test]
async fn a_machine_that_is_down_is_named() {
    let scene = scene().await;
    let (_bound, nowhere) = nowhere();
    let url = format!("http://{nowhere}");
    let grant = Grant { relay_url: Some(url), runner_id: Some(Uuid::new_v4()), ..scene.sandbox.grant.clone() };
    scene.agents.grant(TOKEN, &scene.sandbox.id.to_string(), grant);
    let answer = scene.edge.post(scene.sandbox.id, "/echo").body("x").send().await.unwrap();
    let message = edge_error(answer, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(message.contains("machine"), "{message}");
}
