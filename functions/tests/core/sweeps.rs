//! The sweep: resend, attempts, brake, timers; and runners declared dead.

use std::time::Duration;

use paddock_functions::{
    actions::{create_sandbox, declare_runner_dead, delete_sandbox, list_sandboxes, set_timers, stop_sandbox},
    schedule,
};
use paddock_model::{
    id::SandboxId,
    lifecycle::{Desired, State},
};
use paddock_wire::work::{Facts, Observed};

use crate::{
    runner::report,
    scene::{Scene, request},
};

#[tokio::test]
async fn work_that_was_lost_is_sent_again_and_counted() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.create().await.head.id;
    runner.receive(&scene).await;
    assert_eq!(scene.sweep().await.due, 0, "nothing is due yet");
    scene.pass(Duration::from_secs(5));
    assert_eq!(scene.sweep().await.due, 1);
    let again = runner.works(&scene).await.pop().unwrap();
    assert_eq!((again.attempt, again.generation, again.epoch), (2, 1, 1));
    let report = runner.serve(&again).unwrap();
    runner.tell(&scene, &report).await;
    assert_eq!(scene.head(id).await.state, State::Started);
    scene.pass(Duration::from_secs(3600));
    assert_eq!(scene.sweep().await.due, 0, "at rest nothing is due");
}

#[tokio::test]
async fn five_attempts_without_a_word_are_an_error_with_a_reason() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let id = scene.create().await.head.id;
    for _ in 0..5 {
        scene.pass(Duration::from_secs(60));
        assert_eq!(scene.sweep().await.due, 1);
    }
    assert_eq!(runner.works(&scene).await.len(), 5);
    let head = scene.head(id).await;
    assert_eq!((head.state, head.due), (State::Error, None));
    assert!(head.failure.unwrap().reason.contains("did not answer"));
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_claim_nobody_applies_becomes_an_error_too() {
    let scene = Scene::with_pool(1).await;
    let mut runner = scene.runner().await;
    runner.work_off(&scene).await;
    let id = create_sandbox::run(&scene.app, &scene.requester, request()).await.unwrap().head.id;
    assert_eq!(scene.head(id).await.state, State::Started);
    for _ in 0..5 {
        scene.pass(Duration::from_secs(60));
        scene.sweep().await;
    }
    assert_eq!(scene.head(id).await.state, State::Error);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_deletion_is_never_given_up() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.started(&mut runner).await.id;
    delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    runner.receive(&scene).await;
    for _ in 0..12 {
        scene.pass(Duration::from_secs(600));
        assert_eq!(scene.sweep().await.due, 1);
    }
    assert_eq!(scene.head(id).await.state, State::Destroying);
    let works = runner.works(&scene).await;
    let report = runner.serve(works.last().unwrap()).unwrap();
    runner.tell(&scene, &report).await;
    assert_eq!(scene.head(id).await.state, State::Destroyed);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn progress_keeps_a_slow_create_alive_until_its_deadline() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let id = scene.create().await.head.id;
    let work = runner.works(&scene).await.pop().unwrap();
    for seq in 1..=20 {
        runner.tell(&scene, &report(&work, seq, Observed::PullingSnapshot)).await;
        scene.pass(Duration::from_secs(60));
        scene.sweep().await;
    }
    assert_eq!(scene.head(id).await.state, State::PullingSnapshot, "twenty minutes is not too long for an image");
    scene.pass(Duration::from_secs(900));
    scene.sweep().await;
    let head = scene.head(id).await;
    assert_eq!(head.state, State::Error);
    assert!(head.failure.unwrap().reason.contains("longer"));
}

#[tokio::test]
async fn the_brake_slows_mass_failure_down_and_sends_once_more() {
    let scene = Scene::new().await;
    scene.bootstrap_quota(40).await;
    let runner = scene.runner().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(scene.create().await.head.id);
    }
    for _ in 0..4 {
        scene.pass(Duration::from_secs(60));
        scene.sweep().await;
    }
    runner.receive(&scene).await;
    scene.pass(Duration::from_secs(60));
    let look = scene.sweep().await;
    assert_eq!((look.due, look.braked), (12, 2));
    let after = states(&scene, &ids).await;
    assert_eq!(after.iter().filter(|state| **state == State::Error).count(), 10, "{after:?}");
    let again: Vec<_> = runner.works(&scene).await.into_iter().map(|work| work.sandbox_id).collect();
    let mut braked = ids.iter().zip(&after).filter(|(_, state)| **state == State::Creating);
    assert!(again.len() == 2 && braked.all(|(id, _)| again.contains(&id.0)), "{again:?}");
    scene.pass(Duration::from_secs(60));
    assert_eq!(scene.sweep().await.braked, 0, "the next look gets on with it");
    assert_eq!(states(&scene, &ids).await, [State::Error; 12]);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn that_no_runner_has_room_is_no_reason_to_brake() {
    let scene = Scene::new().await;
    scene.bootstrap_quota(40).await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(scene.create().await.head.id);
    }
    scene.pass(Duration::from_secs(16 * 60));
    let look = scene.sweep().await;
    assert_eq!((look.due, look.braked), (12, 0));
    assert_eq!(states(&scene, &ids).await, [State::Error; 12]);
    assert!(scene.head(ids[0]).await.failure.unwrap().reason.contains("room"));
    scene.assert_conserved().await;
}

async fn states(scene: &Scene, ids: &[SandboxId]) -> Vec<State> {
    let mut states = Vec::new();
    for id in ids {
        states.push(scene.head(*id).await.state);
    }
    states
}

#[tokio::test]
async fn one_that_does_not_read_keeps_no_other_waiting() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let (bad, good) = (scene.create().await.head.id, scene.create().await.head.id);
    runner.receive(&scene).await;
    scene.spoil(bad).await;
    scene.pass(Duration::from_secs(5));
    assert_eq!(scene.sweep().await.due, 1);
    assert_eq!(runner.works(&scene).await.len(), 1);
    let listed = list_sandboxes::run(&scene.app, scene.requester.organization).await.unwrap();
    assert_eq!(listed.iter().map(|detail| detail.head.id).collect::<Vec<_>>(), [good]);
    assert!(scene.app.store.head(bad).await.is_err(), "asked for alone it is an error");
}

#[tokio::test]
async fn a_queued_create_has_its_whole_time_on_its_runner() {
    let scene = Scene::new().await;
    let id = scene.create().await.head.id;
    scene.pass(Duration::from_secs(14 * 60));
    let runner = scene.runner().await;
    scene.sweep().await;
    let work = runner.works(&scene).await.pop().unwrap();
    for seq in 1..=10 {
        runner.tell(&scene, &report(&work, seq, Observed::Creating)).await;
        scene.pass(Duration::from_secs(60));
        scene.sweep().await;
    }
    assert_eq!(scene.head(id).await.state, State::Creating, "24 minutes after the wish, 10 after the placement");
    scene.pass(Duration::from_secs(300));
    scene.sweep().await;
    assert_eq!(scene.head(id).await.state, State::Error);
}

#[tokio::test]
async fn a_stopped_sandbox_is_deleted_when_its_time_has_come() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let mut wanted = request();
    wanted.timers.auto_delete = Some(Duration::from_secs(1800));
    let id = create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap().head.id;
    runner.work_off(&scene).await;
    scene.pass(Duration::from_secs(3600));
    assert_eq!(scene.sweep().await.due, 0, "it runs");
    stop_sandbox::run(&scene.app, &scene.requester, &id.to_string(), false).await.unwrap();
    runner.work_off(&scene).await;
    scene.pass(Duration::from_secs(60));
    scene.sweep().await;
    runner.work_off(&scene).await;
    assert!(scene.head(id).await.files.is_fresh(), "backed up, which puts nothing off");
    scene.pass(Duration::from_secs(1739));
    assert_eq!(scene.sweep().await.due, 0);
    scene.pass(Duration::from_secs(1));
    scene.sweep().await;
    let head = scene.head(id).await;
    assert_eq!((head.state, head.desired, head.generation), (State::Destroying, Desired::Destroyed, 4));
    runner.work_off(&scene).await;
    assert_eq!(scene.head(id).await.state, State::Destroyed);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn what_was_placed_on_a_dead_runner_is_taken_from_it() {
    let scene = Scene::new().await;
    let gone = scene.runner().await;
    let id = scene.create().await.head.id;
    let other = scene.runner().await;
    // Declared dead by another process, at the moment of the create: the index it walked did not show it yet.
    let mut dead = scene.app.store.runner(gone.id()).await.unwrap().unwrap();
    dead.dead = true;
    scene.app.store.put_runner(&dead).await.unwrap();
    scene.pass(Duration::from_secs(6));
    scene.sweep().await;
    let head = scene.head(id).await;
    assert_eq!((head.state, head.runner, head.epoch), (State::Creating, Some(other.id()), 3));
    scene.assert_conserved().await;
}

#[tokio::test]
async fn idleness_is_decided_by_the_owner() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let sandbox = scene.started(&mut runner).await;
    let name = sandbox.id.to_string();
    set_timers::run(&scene.app, &scene.requester, &name, |timers| timers.auto_stop = Some(Duration::from_secs(900)))
        .await
        .unwrap();
    scene.pass(Duration::from_secs(900));
    scene.sweep().await;
    let ask = runner.works(&scene).await.pop().unwrap();
    assert_eq!((ask.stop_if_idle_seconds, ask.generation), (Some(900), 1));

    // It was used meanwhile: asked again when it may be time.
    let mut busy = report(&ask, 2, Observed::Started);
    busy.facts = Facts { idle_seconds: Some(100), ..Facts::default() };
    runner.tell(&scene, &busy).await;
    let head = scene.head(sandbox.id).await;
    assert_eq!((head.state, head.due), (State::Started, Some(scene.app.now().after(Duration::from_secs(800)))));
    scene.pass(Duration::from_secs(800));
    scene.sweep().await;
    let ask = runner.works(&scene).await.pop().unwrap();
    runner.tell(&scene, &report(&ask, 3, Observed::IdleStopped)).await;
    let head = scene.head(sandbox.id).await;
    let backup = Some(scene.app.now().after(Duration::from_secs(60)));
    assert_eq!((head.state, head.desired, head.due), (State::Stopped, Desired::Stopped, backup), "the wish follows");
    scene.assert_conserved().await;
}

#[tokio::test]
async fn silence_never_moves_a_sandbox_and_death_does() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let (started, deleting) = (scene.started(&mut runner).await.id, scene.started(&mut runner).await.id);
    let creating = scene.create().await.head.id;
    delete_sandbox::run(&scene.app, &scene.requester, &deleting.to_string()).await.unwrap();
    runner.receive(&scene).await;
    scene.pass(Duration::from_secs(60));
    scene.sweep().await;
    assert_eq!(scene.head(started).await.runner, Some(runner.id()), "silent for a minute");

    let mut other = scene.runner().await;
    assert_eq!(declare_runner_dead::run(&scene.app, runner.id()).await.unwrap(), 3);
    let lost = scene.head(started).await;
    assert_eq!((lost.state, lost.runner, lost.epoch), (State::Error, None, 2));
    assert!(lost.failure.unwrap().reason.contains("lost"));
    assert_eq!(scene.head(deleting).await.state, State::Destroyed);
    let moved = scene.head(creating).await;
    assert_eq!((moved.state, moved.runner, moved.epoch), (State::Creating, Some(other.id()), 3));
    other.work_off(&scene).await;
    assert_eq!(scene.head(creating).await.state, State::Started);
    delete_sandbox::run(&scene.app, &scene.requester, &started.to_string()).await.unwrap();
    assert_eq!(scene.head(started).await.state, State::Destroyed, "no runner holds it: done at once");
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_tick_looks_once_when_nothing_is_coming() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    scene.started(&mut runner).await;
    let done = schedule::handle(&scene.app, serde_json::json!({})).await.unwrap();
    assert_eq!(done, serde_json::json!({"looks": 1, "due": 0, "braked": 0}));
}
