//! What operators make of runners: nothing new there, empty, gone.

use std::time::Duration;

use paddock_functions::{
    actions::{
        Error, create_sandbox, delete_sandbox, drain_runner, find_runner, list_runners, mark_runner, read_status,
        register_agent, remove_runner, start_sandbox, stop_sandbox,
    },
    schedule,
};
use paddock_model::{
    id::{RunnerId, SandboxId},
    lifecycle::State,
    runner::{Condition, Mark},
};

use crate::{
    runner::{FakeRunner, comeback},
    scene::{JOIN_TOKEN, Scene, request},
};

async fn mark(scene: &Scene, runner: RunnerId, mark: Mark) {
    mark_runner::run(&scene.app, &runner.to_string(), mark).await.unwrap();
}

async fn owners(scene: &Scene, ids: &[SandboxId]) -> Vec<Option<RunnerId>> {
    let mut owners = Vec::new();
    for id in ids {
        owners.push(scene.head(*id).await.runner);
    }
    owners
}

async fn created(scene: &Scene, count: usize) -> Vec<SandboxId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(scene.create().await.head.id);
    }
    ids
}

/// Without an error: whatever the runner has is done, and told.
async fn drain(scene: &Scene, runner: &mut FakeRunner) {
    runner.beat(scene).await;
    drain_runner::run(&scene.app).await.unwrap();
    runner.work_off(scene).await;
}

#[tokio::test]
async fn nothing_new_comes_to_a_marked_runner_and_what_it_has_starts_there() {
    let scene = Scene::new().await;
    let mut marked = scene.runner().await;
    let own = scene.stopped(&mut marked).await.id;
    let other = scene.runner().await;
    for (on, off) in
        [(Mark::Unschedulable(true), Mark::Unschedulable(false)), (Mark::Draining(true), Mark::Draining(false))]
    {
        mark(&scene, marked.id(), on).await;
        assert_eq!(read_status::run(&scene.app).await.unwrap().runners, 1);
        let ids = created(&scene, 3).await;
        assert_eq!(owners(&scene, &ids).await, [Some(other.id()); 3], "{on:?}");
        for id in ids {
            delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
        }
        mark(&scene, marked.id(), off).await;
        assert_eq!(read_status::run(&scene.app).await.unwrap().runners, 2);
    }
    // Draining had begun to archive it; a start wins.
    assert_eq!(scene.head(own).await.state, State::Archiving);
    mark(&scene, marked.id(), Mark::Unschedulable(true)).await;
    start_sandbox::run(&scene.app, &scene.requester, &own.to_string()).await.unwrap();
    marked.work_off(&scene).await;
    let head = scene.head(own).await;
    assert_eq!((head.state, head.runner, head.epoch), (State::Started, Some(marked.id()), 1));
}

#[tokio::test]
async fn what_queues_for_the_only_runner_is_placed_when_that_takes_sandboxes_again() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    mark(&scene, runner.id(), Mark::Unschedulable(true)).await;
    let mut wanted = request();
    wanted.timers.queue = Some(Duration::from_secs(20));
    let patient = scene.create().await.head.id;
    let hasty = create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap().head.id;
    for _ in 0..4 {
        scene.pass(Duration::from_secs(5));
        scene.sweep().await;
    }
    let head = scene.head(hasty).await;
    assert_eq!((head.state, head.queue_timed_out), (State::Destroyed, true));
    let head = scene.head(patient).await;
    assert_eq!((head.state, head.runner, head.queue_timed_out), (State::Creating, None, false));
    assert!(head.due.is_some(), "it is looked at again");
    mark(&scene, runner.id(), Mark::Unschedulable(false)).await;
    scene.pass(Duration::from_secs(5));
    scene.sweep().await;
    runner.work_off(&scene).await;
    assert_eq!(scene.head(patient).await.state, State::Started);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn nobody_claims_from_an_unschedulable_runner() {
    let scene = Scene::with_pool(1).await;
    let mut marked = scene.runner().await;
    marked.work_off(&scene).await;
    let other = scene.runner().await;
    mark(&scene, marked.id(), Mark::Unschedulable(true)).await;
    let head = scene.create().await.head;
    assert_eq!((head.state, head.runner), (State::Creating, Some(other.id())), "made anew, elsewhere");
}

#[tokio::test]
async fn a_runner_drains_until_it_is_empty_and_is_removed() {
    let scene = Scene::with_pool(2).await;
    let mut draining = scene.runner().await;
    draining.work_off(&scene).await;
    let (stopped, started) = (scene.stopped(&mut draining).await.id, scene.started(&mut draining).await.id);
    let mut other = scene.runner().await;
    mark(&scene, draining.id(), Mark::Draining(true)).await;
    draining.work_off(&scene).await;
    other.beat(&scene).await;
    drain(&scene, &mut draining).await;
    schedule::tick(&scene.app, Duration::ZERO).await.unwrap();
    other.work_off(&scene).await;

    let head = scene.head(stopped).await;
    assert_eq!((head.state, head.runner), (State::Archived, None));
    assert_eq!(scene.head(started).await.runner, Some(draining.id()), "what runs stays");
    let pool = scene.app.store.pools().await.unwrap().remove(0);
    let waiting = scene.app.store.unclaimed_of(&pool.id, 10).await.unwrap();
    assert!(pool.live == 2 && waiting.iter().all(|it| it.sandbox.runner == Some(other.id())), "{waiting:?}");
    let refused = remove_runner::run(&scene.app, &draining.id().to_string(), false).await.unwrap_err();
    assert!(
        matches!(&refused, Error::RunnerNotEmpty { sandboxes: 1, states, .. } if states == "1 started"),
        "{refused}"
    );

    stop_sandbox::run(&scene.app, &scene.requester, &started.to_string(), false).await.unwrap();
    draining.work_off(&scene).await;
    drain(&scene, &mut draining).await;
    assert_eq!(scene.head(started).await.state, State::Archived);
    assert_eq!(scene.app.store.owned_by(draining.id()).await.unwrap(), []);
    for id in [stopped, started] {
        start_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
        other.work_off(&scene).await;
        let head = scene.head(id).await;
        assert_eq!((head.state, head.runner), (State::Started, Some(other.id())));
    }
    remove_runner::run(&scene.app, &draining.id().to_string(), false).await.unwrap();
    assert_gone(&scene, &draining).await;
    scene.assert_conserved().await;
}

/// Nothing is left of it but what it may make itself: a new registration.
async fn assert_gone(scene: &Scene, runner: &FakeRunner) {
    let id = runner.id();
    assert_eq!(scene.app.store.runner(id).await.unwrap(), None);
    assert_eq!(scene.app.store.loads(&[id]).await.unwrap(), []);
    let receive = scene.sqs.receive_message().queue_url(&runner.registered.queue_url).send().await;
    assert!(receive.unwrap_err().into_service_error().is_queue_does_not_exist());
    let listed = list_runners::run(&scene.app, "local").await.unwrap();
    assert!(listed.iter().all(|found| found.runner.id != id));
    let refused = remove_runner::run(&scene.app, &id.to_string(), true).await.unwrap_err();
    assert!(matches!(refused, Error::RunnerNotFound(_)));
}

#[tokio::test]
async fn an_archive_that_fails_is_tried_again_and_the_end_of_draining_ends_that() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.stopped(&mut runner).await.id;
    runner.captures_fail = true;
    mark(&scene, runner.id(), Mark::Draining(true)).await;
    for _ in 0..2 {
        assert_eq!(scene.head(id).await.state, State::Archiving);
        runner.work_off(&scene).await;
        let head = scene.head(id).await;
        assert_eq!((head.state, head.runner), (State::Stopped, Some(runner.id())));
        drain_runner::run(&scene.app).await.unwrap();
    }
    runner.work_off(&scene).await;
    mark(&scene, runner.id(), Mark::Draining(false)).await;
    drain(&scene, &mut runner).await;
    assert_eq!(scene.head(id).await.state, State::Stopped, "nobody asked for that any more");
    runner.captures_fail = false;
    mark(&scene, runner.id(), Mark::Draining(true)).await;
    runner.work_off(&scene).await;
    assert_eq!(scene.head(id).await.state, State::Archived);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_runner_that_falls_silent_while_it_drains_gets_nothing_stuck() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let (begun, later) = (scene.stopped(&mut runner).await.id, scene.started(&mut runner).await.id);
    mark(&scene, runner.id(), Mark::Draining(true)).await;
    stop_sandbox::run(&scene.app, &scene.requester, &later.to_string(), false).await.unwrap();
    // It has stopped the one, and has not heard of the archive of the other.
    let works = runner.works(&scene).await;
    let stop = works.into_iter().find(|work| work.sandbox_id == later.0).unwrap();
    runner.drive(&scene, stop, &mut Vec::new()).await;
    for _ in 0..12 {
        scene.pass(Duration::from_secs(60));
        drain_runner::run(&scene.app).await.unwrap();
        scene.sweep().await;
    }
    for id in [begun, later] {
        let head = scene.head(id).await;
        assert_eq!((head.state, head.runner), (State::Stopped, Some(runner.id())), "silence moves nothing");
        assert!(head.is_at_rest() || head.due.is_some(), "nobody looks at it again: {head:?}");
    }
    assert_eq!(
        find_runner::run(&scene.app, &runner.id().to_string()).await.unwrap().condition,
        Condition::Unresponsive
    );

    // Back again: it serves what it was sent, and then the rest leaves.
    runner.beat(&scene).await;
    runner.work_off(&scene).await;
    for _ in 0..3 {
        drain(&scene, &mut runner).await;
    }
    for id in [begun, later] {
        assert_eq!(scene.head(id).await.state, State::Archived);
    }
    scene.assert_conserved().await;
}

#[tokio::test]
async fn not_all_leave_at_once() {
    let scene = Scene::new().await;
    scene.bootstrap_quota(12).await;
    let mut runner = scene.runner().await;
    for _ in 0..10 {
        scene.stopped(&mut runner).await;
    }
    mark(&scene, runner.id(), Mark::Draining(true)).await;
    drain_runner::run(&scene.app).await.unwrap();
    assert_eq!(runner.works(&scene).await.len(), 8, "and not more while these are under way");
}

#[tokio::test]
async fn with_force_a_runner_is_removed_as_if_it_had_died() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let (lost, creating) = (scene.started(&mut runner).await.id, scene.create().await.head.id);
    let refused = remove_runner::run(&scene.app, &runner.id().to_string(), false).await.unwrap_err();
    assert!(matches!(refused, Error::RunnerNotEmpty { sandboxes: 2, .. }));
    let mut other = scene.runner().await;
    remove_runner::run(&scene.app, &runner.id().to_string(), true).await.unwrap();
    assert_gone(&scene, &runner).await;
    assert_eq!(scene.head(lost).await.state, State::Error);
    other.work_off(&scene).await;
    assert_eq!(
        (scene.head(creating).await.state, scene.head(creating).await.runner),
        (State::Started, Some(other.id()))
    );

    // It was alive after all: it registers under its old id, and is new.
    scene.pass(Duration::from_secs(1));
    let again = register_agent::run(&scene.app, JOIN_TOKEN, comeback(&scene, runner.id().0)).await.unwrap();
    assert_eq!(again.runner_id, runner.id().0);
    let back = scene.app.store.runner(runner.id()).await.unwrap().unwrap();
    assert_eq!((back.created_at, back.dead), (scene.app.now(), false));
    scene.assert_conserved().await;
}

#[tokio::test]
async fn what_was_placed_on_a_removed_runner_is_taken_from_it() {
    let scene = Scene::new().await;
    let gone = scene.runner().await;
    let id = scene.create().await.head.id;
    let other = scene.runner().await;
    // By another process, at the moment of the create.
    scene.app.store.delete_runner(gone.id()).await.unwrap();
    scene.pass(Duration::from_secs(6));
    scene.sweep().await;
    let head = scene.head(id).await;
    assert_eq!((head.state, head.runner, head.epoch), (State::Creating, Some(other.id()), 3));
}

#[tokio::test]
async fn an_operators_word_outlasts_a_restart_of_the_agent() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    mark(&scene, runner.id(), Mark::Unschedulable(true)).await;
    mark(&scene, runner.id(), Mark::Draining(true)).await;
    mark(&scene, runner.id(), Mark::Draining(false)).await;
    let before = scene.app.store.runner(runner.id()).await.unwrap().unwrap();
    register_agent::run(&scene.app, JOIN_TOKEN, comeback(&scene, runner.id().0)).await.unwrap();
    let after = scene.app.store.runner(runner.id()).await.unwrap().unwrap();
    assert_ne!(after.token_sha256, before.token_sha256);
    assert_eq!((after.unschedulable, after.draining), (true, false));
    let missing = mark_runner::run(&scene.app, &RunnerId::random().to_string(), Mark::Draining(true)).await;
    assert!(matches!(missing, Err(Error::RunnerNotFound(_))));
}
