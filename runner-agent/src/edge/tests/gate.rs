//! The gate at the client door: who waits, who is let in, who is told what.

use std::time::Duration;

use axum::{Router, routing::get};
use paddock_wire::{agents::Grant, work::Wish};
use reqwest::StatusCode;
use uuid::Uuid;

use super::{
    agents::Agents,
    scene::{Machine, Sandbox, TOKEN, applied, edge_error, grant, serve, settings, work},
};
use crate::{
    edge::EdgeSettings,
    sandboxes::registry::{Applied, Letter, Phase},
};

fn daemon() -> Router {
    Router::new().route("/x", get(|| async { "in" }))
}

async fn scene(settings: EdgeSettings) -> (Agents, Machine, Sandbox) {
    let agents = Agents::start().await;
    let machine = Machine::start(&agents, settings).await;
    let sandbox = Sandbox::running(&agents, &machine, daemon()).await;
    (agents, machine, sandbox)
}

#[tokio::test]
async fn a_caller_waits_until_the_owner_has_applied_what_the_grant_says() {
    let (agents, machine, mut sandbox) = scene(settings()).await;
    let running = sandbox.seat.applied.borrow().clone();
    agents.place_work(sandbox.work(2, Wish::Started));
    agents.grant(TOKEN, &sandbox.id.to_string(), Grant { generation: 2, ..sandbox.grant.clone() });
    let call = tokio::spawn(machine.get(sandbox.id, "/x").send());
    // The edge hands the owner the wish past the queue; only when it is in force the door opens.
    let Some(Letter::Work(work)) = sandbox.seat.mailbox.recv().await else { panic!("no work") };
    assert_eq!(work.generation, 2);
    assert!(!call.is_finished());
    sandbox.seat.applied.send_replace(Applied { generation: 2, ..running });
    assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "in");
}

#[tokio::test]
async fn an_owner_that_was_not_seated_is() {
    let agents = Agents::start().await;
    let machine = Machine::start(&agents, settings()).await;
    let id = Uuid::new_v4();
    let grant = grant(id, &machine);
    agents.grant(TOKEN, &id.to_string(), grant.clone());
    agents.place_work(work(&grant));
    let call = tokio::spawn(machine.get(id, "/x").send());
    let seat = loop {
        match machine.seated(id) {
            Some(seat) => break seat,
            None => tokio::task::yield_now().await,
        }
    };
    let addr = serve(daemon()).await;
    seat.applied.send_replace(applied(&grant, Phase::Running { addr }));
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn past_the_bound_there_is_an_answer() {
    let (agents, machine, sandbox) = scene(EdgeSettings { gate_bound: Duration::from_millis(50), ..settings() }).await;
    agents.place_work(sandbox.work(1, Wish::Started));
    sandbox.becomes(Phase::Starting);
    let late = machine.get(sandbox.id, "/x").send().await.unwrap();
    edge_error(late, StatusCode::SERVICE_UNAVAILABLE).await;
}

#[tokio::test]
async fn another_organization_is_never_let_in() {
    let (agents, machine, sandbox) = scene(settings()).await;
    agents.place_work(sandbox.work(1, Wish::Started));
    let grant = Grant { organization_id: Uuid::new_v4(), ..sandbox.grant.clone() };
    agents.grant("good-other", &sandbox.id.to_string(), grant);
    let request = super::scene::client().get(machine.url(sandbox.id, "/x")).bearer_auth("good-other");
    edge_error(request.send().await.unwrap(), StatusCode::SERVICE_UNAVAILABLE).await;
}

#[tokio::test]
async fn stopped_failed_and_gone_are_told_apart() {
    let (agents, machine, sandbox) = scene(settings()).await;
    agents.place_work(sandbox.work(1, Wish::Started));
    let cases = [
        (Phase::Stopped, StatusCode::BAD_REQUEST, "not running"),
        (Phase::Failed { reason: "no such image".to_owned() }, StatusCode::CONFLICT, "no such image"),
        (Phase::Gone, StatusCode::NOT_FOUND, "not found"),
    ];
    for (phase, status, text) in cases {
        sandbox.becomes(phase);
        let message = edge_error(machine.get(sandbox.id, "/x").send().await.unwrap(), status).await;
        assert!(message.contains(text), "{message}");
    }
}

#[tokio::test]
async fn a_refusal_is_never_given_on_old_knowledge() {
    let (agents, machine, sandbox) = scene(settings()).await;
    let stopped = Grant { wants_started: false, state: "stopped".to_owned(), ..sandbox.grant.clone() };
    agents.grant(TOKEN, &sandbox.id.to_string(), stopped);
    let message = edge_error(machine.get(sandbox.id, "/x").send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    assert!(message.contains("stopped"), "{message}");
    // Started meanwhile; the edge still remembers the other grant.
    agents.grant(TOKEN, &sandbox.id.to_string(), sandbox.grant.clone());
    assert_eq!(machine.get(sandbox.id, "/x").send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(agents.asked(), 2);
    // An owner that is up to date is not looked behind.
    assert_eq!(agents.fetched(), 0);
}

#[tokio::test]
async fn a_stopped_owner_with_a_newer_wish_is_waited_for() {
    let (agents, machine, mut sandbox) = scene(settings()).await;
    assert_eq!(machine.get(sandbox.id, "/x").send().await.unwrap().status(), StatusCode::OK);
    let running = sandbox.seat.applied.borrow().clone();
    sandbox.seat.applied.send_replace(Applied { generation: 2, phase: Phase::Stopped, ..running.clone() });
    // The start is on its way through the queue; the edge remembers generation 1.
    agents.place_work(sandbox.work(3, Wish::Started));
    let call = tokio::spawn(machine.get(sandbox.id, "/x").send());
    let Some(Letter::Work(_)) = sandbox.seat.mailbox.recv().await else { panic!("no work") };
    sandbox.seat.applied.send_replace(Applied { generation: 3, ..running });
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_sandbox_without_a_machine_is_waited_for() {
    let (agents, machine, sandbox) = scene(settings()).await;
    let unplaced = Grant { runner_id: None, relay_url: None, ..sandbox.grant.clone() };
    agents.grant(TOKEN, &sandbox.id.to_string(), unplaced);
    let call = tokio::spawn(machine.get(sandbox.id, "/x").send());
    while agents.asked() < 2 {
        tokio::task::yield_now().await;
    }
    agents.grant(TOKEN, &sandbox.id.to_string(), sandbox.grant.clone());
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
}
