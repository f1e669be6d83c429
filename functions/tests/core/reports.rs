//! Reports doubled, late, foreign, and lost answers.

use std::time::Duration;

use paddock_functions::actions::{delete_sandbox, find_work, list_sandboxes, read_revocations, stop_sandbox};
use paddock_localstack::faults::{FaultPlan, Share};
use paddock_model::{
    id::SandboxId,
    lifecycle::{Desired, State},
    quota::Charge,
};
use paddock_wire::{
    agents::{Revoked, Verdict},
    work::{Observed, Wish},
};

use crate::{
    runner::report,
    scene::{QUOTA, Scene, request},
};

#[tokio::test]
async fn a_doubled_report_is_applied_once_and_accepted_twice() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let id = scene.create().await.head.id;
    let work = runner.works(&scene).await.pop().unwrap();
    let started = report(&work, 1, Observed::Started);
    assert_eq!(runner.tell(&scene, &started).await, Verdict::Applied);
    let head = scene.head(id).await;
    assert_eq!(runner.tell(&scene, &started).await, Verdict::Applied);
    assert_eq!(scene.head(id).await, head);
}

#[tokio::test]
async fn older_reports_and_foreign_ones_change_nothing() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let stranger = scene.runner().await;
    let id = scene.create().await.head.id;
    let (runner, stranger) =
        if scene.head(id).await.runner == Some(runner.id()) { (runner, stranger) } else { (stranger, runner) };
    let work = runner.works(&scene).await.pop().unwrap();
    assert_eq!(runner.tell(&scene, &report(&work, 2, Observed::Started)).await, Verdict::Applied);
    let head = scene.head(id).await;
    assert_eq!(runner.tell(&scene, &report(&work, 1, Observed::Creating)).await, Verdict::Stale);
    assert_eq!(stranger.tell(&scene, &report(&work, 3, Observed::Destroyed)).await, Verdict::Stale);
    let mut other_epoch = report(&work, 3, Observed::Destroyed);
    other_epoch.epoch = 2;
    assert_eq!(runner.tell(&scene, &other_epoch).await, Verdict::Stale);
    let mut future = report(&work, 3, Observed::Destroyed);
    future.generation = 9;
    assert_eq!(runner.tell(&scene, &future).await, Verdict::Stale);
    let mut unknown = report(&work, 1, Observed::Started);
    unknown.sandbox_id = SandboxId::random().0;
    assert_eq!(runner.tell(&scene, &unknown).await, Verdict::Stale);
    assert_eq!(scene.head(id).await, head);
}

#[tokio::test]
async fn a_report_of_an_older_wish_hears_of_the_newer_one() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let id = scene.create().await.head.id;
    let work = runner.works(&scene).await.pop().unwrap();
    delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    let verdict = runner.tell(&scene, &report(&work, 1, Observed::Started)).await;
    let Verdict::AppliedWithWork { work: newer } = verdict else { panic!("{verdict:?}") };
    assert_eq!((newer.generation, newer.wish, newer.expect_container), (2, Wish::Destroyed, true));
    assert_eq!(scene.head(id).await.state, State::Destroying, "a late start revives nothing");
}

#[tokio::test]
async fn nothing_revives_a_destroyed_sandbox() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let id = scene.create().await.head.id;
    let create = runner.works(&scene).await.pop().unwrap();
    delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    let delete = runner.works(&scene).await.pop().unwrap();
    runner.tell(&scene, &report(&delete, 1, Observed::Destroyed)).await;
    let tombstone = scene.head(id).await;
    for late in [report(&create, 2, Observed::Started), report(&delete, 2, Observed::Started)] {
        assert_eq!(runner.tell(&scene, &late).await, Verdict::Stale);
    }
    assert_eq!(scene.head(id).await, tombstone);
    assert!(find_work::run(&scene.app, runner.id(), id).await.is_err());
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_refused_sandbox_goes_elsewhere_with_a_new_epoch() {
    let scene = Scene::new().await;
    let (mut a, mut b) = (scene.runner().await, scene.runner().await);
    (a.full, b.full) = (true, true);
    let id = scene.create().await.head.id;
    let first = scene.head(id).await.runner;
    let (full, free) = if first == Some(a.id()) { (&mut a, &mut b) } else { (&mut b, &mut a) };
    free.full = false;
    full.work_off(&scene).await;
    let moved = scene.head(id).await;
    assert_eq!((moved.epoch, moved.runner, moved.state), (2, Some(free.id()), State::Creating));
    let feed = read_revocations::run(&scene.app, None).await.unwrap();
    let ask_again = Revoked::Sandbox { sandbox_id: id.0 };
    assert!(feed.entries.iter().any(|entry| entry.what == ask_again), "grants name the old owner");
    free.work_off(&scene).await;
    assert_eq!(scene.head(id).await.state, State::Started);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn refused_everywhere_it_queues_until_there_is_room() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    runner.full = true;
    let id = scene.create().await.head.id;
    runner.work_off(&scene).await;
    assert_eq!((scene.head(id).await.runner, scene.head(id).await.state), (None, State::Creating));
    runner.full = false;
    scene.pass(Duration::from_secs(6));
    assert_eq!(scene.sweep().await.due, 1);
    runner.work_off(&scene).await;
    assert_eq!(scene.head(id).await.state, State::Started);
}

#[tokio::test]
async fn failures_reach_the_user_and_release_everything() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let id = scene.create().await.head.id;
    let work = runner.works(&scene).await.pop().unwrap();
    let failed = Observed::Failed { reason: "the image has no daemon user".into(), recoverable: false };
    runner.tell(&scene, &report(&work, 1, failed)).await;
    let head = scene.head(id).await;
    assert_eq!((head.state, head.charge), (State::Error, Charge::default()));
    assert_eq!(head.failure.unwrap().reason, "the image has no daemon user");
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_lost_container_is_an_error_and_a_stopped_one_is_stopped() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let (lost, stopped) = (scene.started(&mut runner).await.id, scene.started(&mut runner).await.id);
    for (id, observed) in [(lost, Observed::Destroyed), (stopped, Observed::Stopped)] {
        let work = find_work::run(&scene.app, runner.id(), id).await.unwrap();
        runner.tell(&scene, &report(&work, 9, observed)).await;
    }
    let (lost, stopped) = (scene.head(lost).await, scene.head(stopped).await);
    assert_eq!(lost.state, State::Error);
    assert!(lost.failure.is_some_and(|failure| failure.reason.contains("lost")));
    assert_eq!((stopped.state, stopped.desired), (State::Stopped, Desired::Stopped), "the wish follows");
    scene.assert_conserved().await;
}

#[tokio::test]
async fn what_heals_without_quota_left_stays_an_error() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.started(&mut runner).await.id;
    let work = find_work::run(&scene.app, runner.id(), id).await.unwrap();
    let failed = Observed::Failed { reason: "broken".into(), recoverable: true };
    runner.tell(&scene, &report(&work, 9, failed)).await;
    for _ in 0..QUOTA.cpu {
        scene.started(&mut runner).await;
    }
    assert_eq!(runner.tell(&scene, &report(&work, 10, Observed::Started)).await, Verdict::Applied);
    assert_eq!(scene.head(id).await.state, State::Error);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn lost_answers_and_conflicts_are_not_seen_by_anybody() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let plan = FaultPlan {
        lost_answer: Share::Every(2),
        conflict: Share::Every(3),
        throttle: Share::Every(5),
        ..FaultPlan::default()
    };
    scene.set_faults(plan);
    for round in 0..4 {
        let mut wanted = request();
        wanted.name = Some(format!("box-{round}"));
        let made = paddock_functions::actions::create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap();
        runner.work_off(&scene).await;
        let id = made.head.id.to_string();
        stop_sandbox::run(&scene.app, &scene.requester, &id, false).await.unwrap();
        runner.work_off(&scene).await;
        assert_eq!(scene.head(made.head.id).await.state, State::Stopped);
        delete_sandbox::run(&scene.app, &scene.requester, &id).await.unwrap();
        runner.work_off(&scene).await;
        assert_eq!(scene.head(made.head.id).await.state, State::Destroyed);
        assert_eq!(scene.head(made.head.id).await.generation, 3, "no wish was written twice");
    }
    assert!(list_sandboxes::run(&scene.app, scene.requester.organization).await.unwrap().is_empty());
    assert_eq!(scene.used_and_held().await, (Charge::default(), Charge::default()));
    assert!(runner.made.values().all(|made| *made == 1));
}
