//! Pause, resize, idleness and archive on the fake engine, as the control plane wishes them. Captures that reach S3 are
//! tested in `snapshots::tests` and end to end.

mod support;

use std::{path::Path, sync::Arc};

use paddock_runner_agent::{
    engine::{Engine as _, Limits, fake::FakeEngine, labels::container_name},
    sandboxes::registry::Phase,
};
use paddock_wire::work::{Captured, Observed, WhenIdle, Wish, Work};
use support::{Rig, next};
use uuid::Uuid;

const IMAGE: &str = "image:1";

async fn rig() -> (Rig, FakeEngine) {
    let engine = FakeEngine::new(&[IMAGE]);
    // Fake containers run no program, but there must be one to run.
    let daemon = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let rig = Rig::start(Arc::new(engine.clone()), &daemon).await;
    (rig, engine)
}

async fn is_frozen(engine: &FakeEngine, work: &Work) -> bool {
    let found = engine.inspect(&container_name(work.sandbox_id)).await.unwrap();
    found.is_some_and(|container| container.paused)
}

#[tokio::test]
async fn a_paused_sandbox_stays_paused_over_a_restart_and_goes_on() {
    let (mut rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let paused = next(&created, Wish::Paused);
    rig.reach(&paused).await;
    assert!(is_frozen(&engine, &created).await);
    rig.applied(created.sandbox_id, |now| now.phase == Phase::Stopped).await;
    rig.restart_agent().await;
    rig.reach(&paused).await;
    assert!(is_frozen(&engine, &created).await, "nobody wished otherwise");
    let resumed = next(&paused, Wish::Started);
    rig.reach(&resumed).await;
    rig.running(&resumed).await;
    assert!(!is_frozen(&engine, &created).await);
    let again = next(&resumed, Wish::Paused);
    rig.reach(&again).await;
    let stopped = next(&again, Wish::Stopped { force: false });
    rig.reach(&stopped).await;
    let gone = next(&stopped, Wish::Destroyed);
    rig.reach(&gone).await;
    assert_eq!(rig.bodies(created.sandbox_id).await, 0);
}

#[tokio::test]
async fn a_sandbox_left_frozen_by_a_killed_agent_goes_on() {
    let (mut rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    rig.kill_agent().await;
    engine.pause(&container_name(created.sandbox_id)).await.unwrap();
    rig.start_agent().await;
    rig.wish(&created);
    rig.running(&created).await;
    assert!(!is_frozen(&engine, &created).await, "it is wished to run");
}

#[tokio::test]
async fn an_idle_sandbox_is_frozen_where_that_is_wished() {
    let (rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let asked = Work { stop_if_idle_seconds: Some(0), when_idle: WhenIdle::Pause, ..created.clone() };
    rig.wish(&asked);
    rig.control.heard(&asked, |seen| *seen == Observed::IdlePaused).await;
    assert!(is_frozen(&engine, &created).await);
}

#[tokio::test]
async fn sizes_change_while_it_runs_if_there_is_room() {
    let (rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let mut larger = next(&created, Wish::Started);
    (larger.spec.cpu, larger.spec.memory_gib) = (2, 2);
    rig.reach(&larger).await;
    let name = container_name(created.sandbox_id);
    assert_eq!(engine.limits(&name), Some(Limits { cpu: 2, memory_gib: 2 }));
    let holdings = &rig.runner.as_ref().unwrap().host.holdings;
    assert_eq!((holdings.allocated().cpu, holdings.allocated().memory_gib), (2, 2));

    let mut huge = next(&larger, Wish::Started);
    huge.spec.memory_gib = 10_000;
    rig.wish(&huge);
    rig.control.heard(&huge, |seen| matches!(seen, Observed::Refused { .. })).await;
    rig.running(&huge).await;
    assert_eq!(engine.limits(&name), Some(Limits { cpu: 2, memory_gib: 2 }), "it goes on with what it had");
    assert_eq!(holdings.allocated().memory_gib, 2);
}

#[tokio::test]
async fn a_container_goes_only_when_its_capture_is_accepted() {
    let (rig, _engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let capture = Uuid::new_v4();
    // Nobody here takes an upload, so that the capture fails, and says so.
    let archive = Work { capture: Some(capture), ..next(&created, Wish::Archived) };
    let report = rig.reach(&archive).await;
    let failed = matches!(report.facts.captured, Some(Captured::Failed { id, .. }) if id == capture);
    assert!(failed, "{report:?}");
    assert_eq!(rig.bodies(created.sandbox_id).await, 1);

    let accepted = Work { capture: None, archived: Some(capture), ..archive.clone() };
    rig.reach(&accepted).await;
    assert_eq!(rig.bodies(created.sandbox_id).await, 0);
    let host = &rig.runner.as_ref().unwrap().host;
    assert_eq!(host.holdings.allocated().sandboxes, 0);
    assert_eq!(host.journal.tombstone(created.sandbox_id), None, "it may come back");
}
