//! What to do with containers found, and with those expected but not found.

use std::collections::BTreeSet;

use paddock_functions::actions::{
    Error, create_sandbox, declare_runner_dead, delete_sandbox, register_agent, stop_sandbox, take_inventory,
};
use paddock_model::{id::SandboxId, lifecycle::State};
use paddock_wire::{
    agents::{Decision, Inventory, InventoryEntry},
    work::{Observed, Wish},
};

use crate::{
    runner::{FakeRunner, registration, report},
    scene::{JOIN_TOKEN, Scene, request},
};

fn entry(id: SandboxId, epoch: u64) -> InventoryEntry {
    InventoryEntry { sandbox_id: id.0, epoch, running: true, settled_generation: None }
}

async fn decide(
    scene: &Scene,
    runner: &FakeRunner,
    entries: Vec<InventoryEntry>,
) -> paddock_wire::agents::InventoryAnswer {
    take_inventory::run(&scene.app, runner.id(), Inventory { entries }).await.unwrap()
}

#[tokio::test]
async fn what_is_owned_is_kept_and_what_is_destroyed_is_removed() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let (mine, gone) = (scene.started(&mut runner).await.id, scene.started(&mut runner).await.id);
    delete_sandbox::run(&scene.app, &scene.requester, &gone.to_string()).await.unwrap();
    let deleting = decide(&scene, &runner, vec![entry(gone, 1)]).await.decisions;
    assert!(
        matches!(&deleting[0], Decision::Keep { work } if work.wish == Wish::Destroyed),
        "not proven yet: {deleting:?}"
    );
    runner.work_off(&scene).await;
    let unknown = SandboxId::random();
    let answer = decide(&scene, &runner, vec![entry(mine, 1), entry(gone, 1), entry(unknown, 1), entry(mine, 7)]).await;
    let [keep, remove, stop, other_epoch] = answer.decisions.as_slice() else { panic!("{answer:?}") };
    assert!(matches!(keep, Decision::Keep { work } if work.sandbox_id == mine.0 && work.expect_container));
    assert_eq!(*remove, Decision::Remove { sandbox_id: gone.0, epoch: 1 });
    assert_eq!(*stop, Decision::StopAndKeep { sandbox_id: unknown.0, epoch: 1 });
    assert_eq!(*other_epoch, Decision::StopAndKeep { sandbox_id: mine.0, epoch: 7 });
    assert!(answer.missing.is_empty());
}

#[tokio::test]
async fn what_is_owned_but_not_found_is_told() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let lost = scene.started(&mut runner).await.id;
    let fresh = scene.create().await.head.id;
    let missing = decide(&scene, &runner, vec![]).await.missing;
    let expects = |id: SandboxId| missing.iter().find(|work| work.sandbox_id == id.0).unwrap().expect_container;
    assert_eq!((missing.len(), expects(lost), expects(fresh)), (2, true, false));
}

#[tokio::test]
async fn a_failed_start_is_not_tried_again_by_an_inventory() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let id = scene.create().await.head.id;
    let work = runner.works(&scene).await.remove(0);
    assert_eq!(decide(&scene, &runner, vec![]).await.missing.len(), 1, "while it is wanted it is told");
    let failed = Observed::Failed { reason: "no such image".into(), recoverable: false };
    runner.tell(&scene, &report(&work, 1, failed)).await;
    assert_eq!(scene.head(id).await.state, State::Error);
    assert!(decide(&scene, &runner, vec![]).await.missing.is_empty());
    let found = decide(&scene, &runner, vec![entry(id, 1)]).await;
    assert_eq!((found.decisions, found.missing), (vec![], vec![]), "nor by the restart of its agent");
}

#[tokio::test]
async fn what_is_settled_on_both_sides_is_not_spoken_of() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.started(&mut runner).await.id;
    let settled = || InventoryEntry { settled_generation: Some(1), ..entry(id, 1) };
    assert!(decide(&scene, &runner, vec![settled()]).await.decisions.is_empty());
    let restarted = decide(&scene, &runner, vec![entry(id, 1)]).await.decisions;
    assert!(matches!(restarted.as_slice(), [Decision::Keep { .. }]), "a new agent must hear of it: {restarted:?}");
    stop_sandbox::run(&scene.app, &scene.requester, &id.to_string(), false).await.unwrap();
    let behind = decide(&scene, &runner, vec![settled()]).await.decisions;
    assert!(matches!(behind.as_slice(), [Decision::Keep { work }] if work.generation == 2), "{behind:?}");
}

#[tokio::test]
async fn of_what_does_not_read_nothing_is_said() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let (bad, good) = (scene.started(&mut runner).await.id, scene.started(&mut runner).await.id);
    scene.spoil(bad).await;
    let answer = decide(&scene, &runner, vec![entry(bad, 1), entry(good, 1)]).await;
    assert!(
        matches!(answer.decisions.as_slice(), [Decision::Keep { work }] if work.sandbox_id == good.0),
        "neither stopped nor removed: {answer:?}"
    );
}

#[tokio::test]
async fn what_an_answer_has_no_room_for_comes_by_the_queue() {
    const SANDBOXES: u32 = 60;
    let scene = Scene::new().await;
    scene.bootstrap_quota(SANDBOXES).await;
    let runner = scene.runner().await;
    for _ in 0..SANDBOXES {
        let mut wanted = request();
        wanted.env.insert("LARGE".into(), "x".repeat(60_000));
        create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap();
    }
    runner.receive(&scene).await;
    let missing = decide(&scene, &runner, vec![]).await.missing;
    assert!(serde_json::to_vec(&missing).unwrap().len() < 5_000_000, "a function answers 6 MB");
    let others = runner.works(&scene).await;
    assert!(!missing.is_empty() && !others.is_empty());
    let all: BTreeSet<_> = missing.iter().chain(&others).map(|work| work.sandbox_id).collect();
    assert_eq!(all.len(), SANDBOXES as usize);
}

#[tokio::test]
async fn an_answer_that_would_drop_too_much_is_refused() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let unknown = (0..11).map(|_| entry(SandboxId::random(), 1)).collect();
    let refused = take_inventory::run(&scene.app, runner.id(), Inventory { entries: unknown }).await;
    assert!(matches!(refused, Err(Error::TooManyDropped { dropped: 11, held: 11 })));
}

#[tokio::test]
async fn a_runner_that_comes_back_from_the_dead_lost_everything() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.started(&mut runner).await.id;
    declare_runner_dead::run(&scene.app, runner.id()).await.unwrap();
    let token = paddock_functions::actions::authenticate_agent::run(&scene.app, &runner.registered.token).await;
    assert!(matches!(token, Err(Error::InvalidAgentToken)));
    let mut again = registration();
    again.runner_id = Some(runner.registered.runner_id);
    runner.registered = register_agent::run(&scene.app, JOIN_TOKEN, again).await.unwrap();
    let answer = decide(&scene, &runner, vec![entry(id, 1)]).await;
    assert_eq!(answer.decisions, [Decision::StopAndKeep { sandbox_id: id.0, epoch: 1 }]);
}

#[tokio::test]
async fn who_lost_many_to_its_death_is_answered() {
    let scene = Scene::new().await;
    scene.bootstrap_quota(12).await;
    let mut runner = scene.runner().await;
    let mut entries = Vec::new();
    for _ in 0..12 {
        entries.push(entry(scene.started(&mut runner).await.id, 1));
    }
    declare_runner_dead::run(&scene.app, runner.id()).await.unwrap();
    let again = paddock_wire::agents::Register { runner_id: Some(runner.registered.runner_id), ..registration() };
    runner.registered = register_agent::run(&scene.app, JOIN_TOKEN, again).await.unwrap();
    let answer = decide(&scene, &runner, entries).await;
    assert!(answer.decisions.iter().all(|it| matches!(it, Decision::StopAndKeep { .. })), "{answer:?}");
    assert_eq!(answer.decisions.len(), 12);
}

#[tokio::test]
async fn digests_agree_when_both_sides_hold_the_same() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    assert!(!runner.beat(&scene).await.send_inventory);
    let id = scene.create().await.head.id;
    assert!(runner.beat(&scene).await.send_inventory, "the table knows one more");
    runner.work_off(&scene).await;
    let answer = runner.beat(&scene).await;
    assert!(!answer.send_inventory);
    assert_eq!(answer.edges.iter().map(|edge| edge.id).collect::<Vec<_>>(), [runner.registered.runner_id]);
    delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    runner.work_off(&scene).await;
    assert!(!runner.beat(&scene).await.send_inventory);
}
