//! Whole lives: create, stop, start, delete.

use paddock_functions::actions::{
    Error, Resource, create_sandbox, delete_sandbox, find_sandbox, list_sandboxes, set_labels, start_sandbox,
    stop_sandbox, touch_sandbox,
};
use paddock_model::{
    lifecycle::{Desired, Refusal, State},
    quota::Charge,
};
use paddock_wire::work::{Message, Wish};

use crate::scene::{QUOTA, Scene, named, request};

const ONE: Charge = Charge { cpu: 1, memory_gib: 2, disk_gib: 3 };

#[tokio::test]
async fn a_life_from_create_to_destroyed() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.started(&mut runner).await.id;
    let name = id.to_string();
    assert_eq!(scene.used_and_held().await, (ONE, ONE));

    let stopping = stop_sandbox::run(&scene.app, &scene.requester, &name, false).await.unwrap();
    assert_eq!((stopping.head.state, stopping.head.charge), (State::Stopping, ONE), "released by the report only");
    runner.work_off(&scene).await;
    let disk = Charge { disk_gib: 3, ..Charge::default() };
    assert_eq!(scene.head(id).await.state, State::Stopped);
    assert_eq!(scene.used_and_held().await, (disk, disk));

    let starting = start_sandbox::run(&scene.app, &scene.requester, &name).await.unwrap();
    assert_eq!((starting.head.state, starting.head.charge), (State::Starting, ONE));
    runner.work_off(&scene).await;
    assert_eq!(scene.head(id).await.state, State::Started);

    let deleted = delete_sandbox::run(&scene.app, &scene.requester, &name).await.unwrap();
    assert_eq!((deleted.head.state, deleted.head.desired), (State::Destroying, Desired::Destroyed));
    assert_eq!(deleted.head.charge, ONE, "released by the report only");
    runner.work_off(&scene).await;
    let tombstone = scene.head(id).await;
    assert_eq!((tombstone.state, tombstone.runner, tombstone.due), (State::Destroyed, None, None));
    assert_eq!(scene.used_and_held().await, (Charge::default(), Charge::default()));
    let again = delete_sandbox::run(&scene.app, &scene.requester, &name).await;
    assert!(matches!(again, Err(Error::SandboxNotFound(_))));
    assert!(list_sandboxes::run(&scene.app, scene.requester.organization).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_create_may_wait_for_its_start() {
    let mut scene = Scene::new().await;
    // Longer than six starts take on a busy machine.
    scene.app.start_wait = std::time::Duration::from_secs(120);
    let mut runner = scene.runner().await;
    let creates = (0..6).map(|_| create_sandbox::run(&scene.app, &scene.requester, request()));
    let work = async {
        while runner.held.len() < 6 {
            runner.work_off(&scene).await;
        }
    };
    let (made, ()) = futures::future::join(futures::future::join_all(creates), work).await;
    assert!(made.into_iter().all(|made| made.unwrap().head.state == State::Started));
}

#[tokio::test]
async fn work_carries_all_that_a_runner_must_know() {
    let scene = Scene::new().await;
    let runner = scene.runner().await;
    let mut wanted = request();
    wanted.env.insert("SECRET".into(), "hunter2".into());
    let detail = create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap();
    let work = runner.works(&scene).await.pop().unwrap();
    assert_eq!((work.epoch, work.generation, work.seq, work.attempt), (1, 1, 0, 1));
    assert_eq!((work.wish, work.expect_container), (Wish::Started, false));
    assert_eq!(work.spec.organization_id, Some(scene.requester.organization.0));
    assert_eq!((work.spec.cpu, work.spec.memory_gib, work.spec.disk_gib), (1, 2, 3));
    assert!(!serde_json::to_string(&work).unwrap().contains("hunter2"));
    assert_eq!(detail.spec.env["SECRET"], "hunter2");
}

#[tokio::test]
async fn a_name_is_unique_until_its_sandbox_is_deleted() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let first = create_sandbox::run(&scene.app, &scene.requester, named("box")).await.unwrap();
    runner.work_off(&scene).await;
    let second = create_sandbox::run(&scene.app, &scene.requester, named("box")).await;
    assert!(matches!(second, Err(Error::NameTaken { .. })));
    assert_eq!(scene.used_and_held().await, (ONE, ONE), "the refused create charged nothing");
    let found = find_sandbox::run(&scene.app, scene.requester.organization, "box").await.unwrap();
    assert_eq!(found.head.id, first.head.id);

    delete_sandbox::run(&scene.app, &scene.requester, "box").await.unwrap();
    let third = create_sandbox::run(&scene.app, &scene.requester, named("box")).await.unwrap();
    // The late end of the first must not free the name of the third.
    runner.work_off(&scene).await;
    let found = find_sandbox::run(&scene.app, scene.requester.organization, "box").await.unwrap();
    assert_eq!(found.head.id, third.head.id);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn quota_refuses_what_does_not_fit_and_names_what_is_short() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    for _ in 0..QUOTA.cpu {
        scene.started(&mut runner).await;
    }
    let refused = create_sandbox::run(&scene.app, &scene.requester, request()).await;
    match refused {
        Err(Error::QuotaExceeded { resource, limit }) => {
            assert_eq!((resource, limit), (Resource::Cpu, QUOTA.cpu));
        }
        other => panic!("{other:?}"),
    }
    // Stopped ones hold no cpu: there is room for another, and then none to start the stopped one.
    let stopped = list_sandboxes::run(&scene.app, scene.requester.organization).await.unwrap()[0].head.id.to_string();
    stop_sandbox::run(&scene.app, &scene.requester, &stopped, false).await.unwrap();
    runner.work_off(&scene).await;
    scene.started(&mut runner).await;
    let refused = start_sandbox::run(&scene.app, &scene.requester, &stopped).await;
    assert!(matches!(refused, Err(Error::QuotaExceeded { resource: Resource::Cpu, .. })));
    scene.assert_conserved().await;
}

#[tokio::test]
async fn what_the_lifecycle_refuses_changes_nothing() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.create().await.head.id;
    let before = scene.head(id).await;
    let refused = stop_sandbox::run(&scene.app, &scene.requester, &id.to_string(), false).await;
    assert!(matches!(refused, Err(Error::Refused { refusal: Refusal::Busy, .. })));
    assert_eq!(scene.head(id).await, before);
    runner.work_off(&scene).await;
    let started = scene.head(id).await;
    let again = start_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    assert_eq!(again.head, started, "started already is a success, and no new wish");
}

#[tokio::test]
async fn another_organization_sees_and_changes_nothing() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let sandbox = scene.started(&mut runner).await;
    let id = sandbox.id.to_string();
    let mut stranger = scene.requester.clone();
    stranger.organization.0 = uuid::Uuid::new_v4();
    let app = &scene.app;
    assert!(matches!(find_sandbox::run(app, stranger.organization, &id).await, Err(Error::SandboxNotFound(_))));
    assert!(matches!(delete_sandbox::run(app, &stranger, &id).await, Err(Error::SandboxNotFound(_))));
    let labels = set_labels::run(app, &stranger, &id, Default::default()).await;
    assert!(matches!(labels, Err(Error::SandboxNotFound(_))));
    assert!(matches!(touch_sandbox::run(app, &stranger, &id).await, Err(Error::SandboxNotFound(_))));
    assert_eq!(scene.head(sandbox.id).await, sandbox);
}

#[tokio::test]
async fn a_touch_goes_to_the_owner_and_writes_nothing() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let sandbox = scene.started(&mut runner).await;
    touch_sandbox::run(&scene.app, &scene.requester, &sandbox.id.to_string()).await.unwrap();
    assert_eq!(runner.receive(&scene).await, [Message::Touch { sandbox_id: sandbox.id.0, epoch: 1 }]);
    assert_eq!(scene.head(sandbox.id).await, sandbox);
}

#[tokio::test]
async fn labels_are_replaced_and_the_environment_stays() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let mut wanted = request();
    wanted.env.insert("A".into(), "1".into());
    wanted.labels.insert("old".into(), "x".into());
    let id = create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap().head.id.to_string();
    runner.work_off(&scene).await;
    let labels = [("new".to_owned(), "y".to_owned())];
    set_labels::run(&scene.app, &scene.requester, &id, labels.clone().into()).await.unwrap();
    let found = find_sandbox::run(&scene.app, scene.requester.organization, &id).await.unwrap();
    assert_eq!((found.spec.labels, found.spec.env["A"].as_str()), (labels.into(), "1"));
    assert_eq!(found.head.generation, 1, "labels are no wish");
}

#[tokio::test]
async fn an_ephemeral_sandbox_is_deleted_by_a_stop() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let mut wanted = request();
    wanted.timers.auto_delete = Some(std::time::Duration::ZERO);
    let id = create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap().head.id;
    runner.work_off(&scene).await;
    let stopped = stop_sandbox::run(&scene.app, &scene.requester, &id.to_string(), false).await.unwrap();
    assert_eq!(stopped.head.state, State::Destroying);
    runner.work_off(&scene).await;
    assert_eq!(scene.head(id).await.state, State::Destroyed);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn without_a_runner_a_create_queues_and_a_delete_is_done_at_once() {
    let scene = Scene::new().await;
    let id = scene.create().await.head.id;
    let queued = scene.head(id).await;
    assert_eq!((queued.state, queued.runner, queued.epoch), (State::Creating, None, 0));
    assert!(queued.due.is_some());
    let deleted = delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    assert_eq!(deleted.head.state, State::Destroyed);
    scene.assert_conserved().await;
}
