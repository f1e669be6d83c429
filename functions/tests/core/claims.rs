//! Warm pools.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use paddock_functions::{
    actions::{Error, create_sandbox, delete_sandbox, find_work, register_agent, set_pool, top_up_pool},
    schedule,
};
use paddock_model::{lifecycle::State, quota::Charge, snapshot::Pool};
use paddock_wire::{
    agents::{Register, Role},
    work::Observed,
};
use serde_json::json;

use crate::{
    runner::{FakeRunner, registration, report},
    scene::{JOIN_TOKEN, SNAPSHOT, Scene, named, request},
};

async fn pool(scene: &Scene) -> Pool {
    scene.app.store.pools().await.unwrap().pop().unwrap()
}

/// A scene whose pool is filled and started.
async fn warm(size: u32) -> (Scene, FakeRunner) {
    let scene = Scene::with_pool(size).await;
    // A runner that joins is room for the pool.
    let mut runner = scene.runner().await;
    runner.work_off(&scene).await;
    assert_eq!(pool(&scene).await.live, size);
    (scene, runner)
}

#[tokio::test]
async fn a_claim_answers_started_at_once_and_the_pool_is_filled_again() {
    let (scene, mut runner) = warm(2).await;
    let mut wanted = named("mine");
    wanted.env.insert("A".into(), "1".into());
    let claimed = create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap();
    assert_eq!((claimed.head.state, claimed.head.generation, claimed.head.epoch), (State::Started, 2, 1));
    assert_eq!(claimed.head.charge, Charge { cpu: 1, memory_gib: 2, disk_gib: 3 });
    assert!(runner.held.contains_key(&claimed.head.id), "it was there before");

    let verdicts = runner.work_off(&scene).await;
    assert_eq!(verdicts.len(), 1, "one personalization: {verdicts:?}");
    let head = scene.head(claimed.head.id).await;
    assert_eq!((head.pool.as_deref(), head.is_at_rest()), (None, true));
    assert_eq!(pool(&scene).await.live, 2, "its place was filled again");
    assert_eq!(runner.work_off(&scene).await.len(), 1, "by one new sandbox");
    scene.assert_conserved().await;
}

#[tokio::test]
async fn no_two_creates_get_the_same_sandbox() {
    let (scene, mut runner) = warm(3).await;
    let creates = (0..6).map(|_| create_sandbox::run(&scene.app, &scene.requester, request()));
    let made = futures::future::join_all(creates).await;
    let mut ids: Vec<_> = made.into_iter().map(|made| made.unwrap().head.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    runner.work_off(&scene).await;
    runner.work_off(&scene).await;
    scene.assert_conserved().await;
    assert_eq!(pool(&scene).await.live, 3);
    assert!(runner.made.values().all(|made| *made == 1));
}

#[tokio::test]
async fn topping_up_twice_at_once_fills_each_place_once() {
    let scene = Scene::new().await;
    let _runner = scene.runner().await;
    let id = pool(&scene).await.id;
    let snapshot = pool(&scene).await.snapshot;
    scene.app.store.set_pool_size(&id, snapshot, "local", 4).await.unwrap();
    let both = futures::future::join(top_up_pool::run(&scene.app, &id), top_up_pool::run(&scene.app, &id)).await;
    both.0.unwrap();
    both.1.unwrap();
    assert_eq!(scene.app.store.unclaimed_of(&id, 100).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_place_lost_to_a_failure_waits_for_the_sweep() {
    let scene = Scene::with_pool(1).await;
    let runner = scene.runner().await;
    let work = runner.works(&scene).await.remove(0);
    let failed = Observed::Failed { reason: "no such image".into(), recoverable: false };
    runner.tell(&scene, &report(&work, 1, failed)).await;
    assert_eq!(pool(&scene).await.live, 0, "not as fast as the machine can fail");
    schedule::tick(&scene.app, Duration::ZERO).await.unwrap();
    assert_eq!(pool(&scene).await.live, 1, "but not left empty");
}

#[tokio::test]
async fn a_smaller_pool_loses_what_is_too_much() {
    let (scene, mut runner) = warm(3).await;
    set_pool::run(&scene.app, SNAPSHOT, 1).await.unwrap();
    runner.work_off(&scene).await;
    let id = pool(&scene).await.id;
    assert_eq!(scene.app.store.unclaimed_of(&id, 100).await.unwrap().len(), 1);
    assert_eq!(pool(&scene).await.live, 1);
}

#[tokio::test]
async fn a_silent_runners_pool_is_not_claimed_from() {
    let (scene, _runner) = warm(1).await;
    scene.pass(Duration::from_secs(31));
    let made = create_sandbox::run(&scene.app, &scene.requester, request()).await.unwrap();
    assert_eq!((made.head.state, made.head.runner), (State::Creating, None));
}

#[tokio::test]
async fn a_claim_finds_the_one_that_can_be_had() {
    let (scene, _silent) = warm(8).await;
    scene.pass(Duration::from_secs(31));
    let mut alive = scene.runner().await;
    set_pool::run(&scene.app, SNAPSHOT, 9).await.unwrap();
    alive.work_off(&scene).await;
    let made = create_sandbox::run(&scene.app, &scene.requester, request()).await.unwrap();
    assert_eq!((made.head.state, made.head.runner), (State::Started, Some(alive.id())));
}

/// A reader that meets a claim half way sees the claim's head beside the pool's specification, without environment.
#[tokio::test]
async fn a_claim_met_half_way_is_not_served() {
    let (scene, runner) = warm(1).await;
    let mut wanted = request();
    wanted.env.insert("A".into(), "1".into());
    let id = create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap().head.id;
    let written = scene.item(id, "P").await.remove("gen").unwrap();
    scene.tamper(id, "P", "gen", AttributeValue::N("1".to_owned())).await;
    let torn = find_work::run(&scene.app, runner.id(), id).await;
    assert!(matches!(torn, Err(Error::Contended)), "{torn:?}");
    scene.tamper(id, "P", "gen", written).await;
    assert_eq!(find_work::run(&scene.app, runner.id(), id).await.unwrap().generation, 2);
}

#[tokio::test]
async fn another_image_makes_another_pool() {
    let (scene, mut runner) = warm(2).await;
    let old = pool(&scene).await.id;
    let command = json!({
        "command": "bootstrap",
        "organization": {"id": scene.requester.organization.0, "name": "first"},
        "user": {"id": "user", "name": "User", "email": "user@localhost"},
        "apiKey": {"name": "first", "sha256": "00", "prefix": "dtn", "suffix": "def"},
        "snapshot": {"id": uuid::Uuid::from_u128(7), "name": SNAPSHOT, "image": "newer:1", "cpu": 1, "memoryGib": 2, "diskGib": 3},
        "pool": 2,
        "quota": {"cpu": 8, "memoryGib": 16, "diskGib": 100}
    });
    schedule::handle(&scene.app, command).await.unwrap();
    runner.work_off(&scene).await;
    assert!(scene.app.store.unclaimed_of(&old, 100).await.unwrap().is_empty());
    let pools = scene.app.store.pools().await.unwrap();
    let sizes: Vec<_> = pools.iter().map(|pool| (pool.id == old, pool.size, pool.live)).collect();
    assert!(sizes.contains(&(true, 0, 0)) && sizes.contains(&(false, 2, 2)), "{sizes:?}");
}

#[tokio::test]
async fn a_claimed_sandbox_deleted_before_its_owner_knew_leaves_its_place() {
    let (scene, mut runner) = warm(1).await;
    let id = create_sandbox::run(&scene.app, &scene.requester, request()).await.unwrap().head.id;
    delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    assert_eq!(pool(&scene).await.live, 0);
    runner.work_off(&scene).await;
    assert_eq!(scene.head(id).await.state, State::Destroyed);
    schedule::tick(&scene.app, Duration::ZERO).await.unwrap();
    assert_eq!(pool(&scene).await.live, 1);
    scene.assert_conserved().await;
}

/// Calls that a create needs, once the process has read what changes rarely.
#[tokio::test]
async fn a_create_needs_few_calls() {
    let (scene, _runner) = warm(2).await;
    // One that will never hold a sandbox is no reason to ask for the runners anew.
    let edge = Register { role: Role::Edge, ..registration() };
    register_agent::run(&scene.app, JOIN_TOKEN, edge).await.unwrap();
    create_sandbox::run(&scene.app, &scene.requester, request()).await.unwrap();
    let stats = &scene.stack.endpoint().stats;
    stats.reset();
    create_sandbox::run(&scene.app, &scene.requester, request()).await.unwrap();
    let counted = stats.counted();
    let reads: u64 = counted.dynamodb.values().map(|calls| calls.calls).sum();
    let sends: u64 = counted.sqs.values().map(|calls| calls.calls).sum();
    assert_eq!((reads, sends), (3, 1), "{counted:?}");
}
