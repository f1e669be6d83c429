//! Archives, forks, snapshots and backups, and the collection of what nobody names.

use std::time::Duration;

use paddock_functions::actions::{
    Error, capture_sandbox, create_sandbox, delete_sandbox, delete_snapshot, find_snapshot, fork_sandbox, list_family,
    set_timers, start_sandbox, stop_sandbox, upload_capture,
};
use paddock_model::{
    change::Effect,
    id::{CaptureId, SandboxId},
    lifecycle::State,
    quota::Charge,
    sandbox::Sandbox,
    snapshot::SnapshotState,
};
use paddock_wire::{
    agents::{CaptureBegin, CaptureComplete, CaptureParts},
    work::{Wish, Work},
};

use crate::{
    runner::FakeRunner,
    scene::{Scene, named, request},
};

/// More than lies between mark and deletion.
const WHILE: Duration = Duration::from_secs(61);

async fn archived(scene: &Scene, runner: &mut FakeRunner) -> Sandbox {
    let id = scene.stopped(runner).await.id;
    capture_sandbox::archive(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    runner.work_off(scene).await;
    let head = scene.head(id).await;
    assert_eq!(head.state, State::Archived);
    head
}

/// Uploads what is asked for as a runner does, and answers the key of the object.
async fn upload(scene: &Scene, runner: &FakeRunner, work: &Work) -> String {
    let (app, id) = (&scene.app, CaptureId(work.capture.expect("a capture")));
    let begin = CaptureBegin { sandbox_id: work.sandbox_id, epoch: work.epoch };
    let upload = upload_capture::begin(app, runner.id(), id, begin).await.unwrap();
    assert_eq!(upload_capture::begin(app, runner.id(), id, begin).await.unwrap(), upload, "begun once");
    let parts = CaptureParts { upload_id: upload.upload_id.clone(), first: 1, count: 1 };
    let urls = upload_capture::parts(app, runner.id(), id, parts).await.unwrap().urls;
    let key = app.store.capture(id).await.unwrap().unwrap().key;
    let sent = scene.s3().upload_part().bucket(&app.config.bucket).key(&key).upload_id(&upload.upload_id);
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"files");
    let etag = sent.part_number(1).body(body).send().await.unwrap().e_tag.unwrap();
    assert!(urls[0].contains(&key) && urls[0].contains("X-Amz-Signature"));
    let complete = CaptureComplete { upload_id: upload.upload_id, etags: vec![etag] };
    upload_capture::complete(app, runner.id(), id, complete.clone()).await.unwrap();
    upload_capture::complete(app, runner.id(), id, complete).await.unwrap();
    key
}

#[tokio::test]
async fn an_archive_is_captured_accepted_let_go_and_restored_elsewhere() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let head = scene.stopped(&mut runner).await;
    let id = head.id.to_string();
    let shown = capture_sandbox::archive(&scene.app, &scene.requester, &id).await.unwrap();
    assert_eq!(shown.head.state, State::Archiving);
    let work = runner.works(&scene).await.pop().unwrap();
    assert_eq!((work.wish, work.archived), (Wish::Archived, None));
    let key = upload(&scene, &runner, &work).await;
    assert!(
        key.starts_with(&format!("diffs/{}/{id}/{}-{}-", scene.requester.organization, work.epoch, work.generation))
    );
    runner.drive(&scene, work.clone(), &mut Vec::new()).await;
    let archived = scene.head(head.id).await;
    assert_eq!((archived.state, archived.runner, archived.charge), (State::Archived, None, Charge::default()));
    assert!(scene.app.objects.exists(&key).await.unwrap());
    scene.assert_conserved().await;

    start_sandbox::run(&scene.app, &scene.requester, &id).await.unwrap();
    let restoring = runner.works(&scene).await.pop().unwrap();
    assert_eq!((restoring.wish, restoring.epoch), (Wish::Started, archived.epoch + 1));
    assert_eq!(restoring.restore.as_ref().unwrap().manifest.id, work.capture.unwrap());
    runner.drive(&scene, restoring, &mut Vec::new()).await;
    assert_eq!(scene.head(head.id).await.state, State::Started);
    scene.assert_conserved().await;

    delete_sandbox::run(&scene.app, &scene.requester, &id).await.unwrap();
    runner.work_off(&scene).await;
    collect(&scene).await;
    assert!(!scene.app.objects.exists(&key).await.unwrap(), "nobody names it");
    assert_eq!(scene.app.store.capture(CaptureId(work.capture.unwrap())).await.unwrap(), None);
}

#[tokio::test]
async fn an_upload_that_s3_ended_begins_anew() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let head = scene.stopped(&mut runner).await;
    capture_sandbox::archive(&scene.app, &scene.requester, &head.id.to_string()).await.unwrap();
    let work = runner.works(&scene).await.pop().unwrap();
    let id = CaptureId(work.capture.unwrap());
    let begin = || {
        let body = CaptureBegin { sandbox_id: work.sandbox_id, epoch: work.epoch };
        upload_capture::begin(&scene.app, runner.id(), id, body)
    };
    let ended = begin().await.unwrap().upload_id;
    let key = scene.app.store.capture(id).await.unwrap().unwrap().key;
    scene.app.objects.abort(&key, &ended).await.unwrap();
    // Both see that it is gone; one of their new ones stands.
    let (one, other) = tokio::join!(begin(), begin());
    assert_eq!(one.unwrap(), other.unwrap());
    assert_ne!(begin().await.unwrap().upload_id, ended);
    upload(&scene, &runner, &work).await;
    runner.drive(&scene, work.clone(), &mut Vec::new()).await;
    assert_eq!(scene.head(head.id).await.state, State::Archived);
}

/// What is due is marked, and what is marked is deleted.
async fn collect(scene: &Scene) {
    for _ in 0..3 {
        scene.pass(WHILE);
        scene.sweep().await;
    }
}

#[tokio::test]
async fn an_archive_that_fails_leaves_it_stopped_and_a_start_cancels_one() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let head = scene.stopped(&mut runner).await;
    let id = head.id.to_string();
    runner.captures_fail = true;
    capture_sandbox::archive(&scene.app, &scene.requester, &id).await.unwrap();
    runner.work_off(&scene).await;
    let failed = scene.head(head.id).await;
    assert!(failed.state == State::Stopped && failed.files.failed && failed.files.kept.is_none());

    runner.captures_fail = false;
    capture_sandbox::archive(&scene.app, &scene.requester, &id).await.unwrap();
    let late = runner.works(&scene).await.pop().unwrap();
    start_sandbox::run(&scene.app, &scene.requester, &id).await.unwrap();
    runner.work_off(&scene).await;
    assert_eq!(scene.head(head.id).await.state, State::Started);
    let capture = CaptureId(late.capture.unwrap());
    let begin = CaptureBegin { sandbox_id: late.sandbox_id, epoch: late.epoch };
    let refused = upload_capture::begin(&scene.app, runner.id(), capture, begin).await;
    assert!(matches!(refused, Err(Error::CaptureNotFound(_))), "what was cancelled is not uploaded");
    collect(&scene).await;
    assert_eq!(scene.app.store.capture(capture).await.unwrap(), None);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_deleted_archive_is_gone_at_once_and_its_files_soon() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let head = archived(&scene, &mut runner).await;
    let capture = head.files.kept.unwrap().id;
    collect(&scene).await;
    assert!(scene.app.store.capture(capture).await.unwrap().is_some(), "it is named");
    let gone = delete_sandbox::run(&scene.app, &scene.requester, &head.id.to_string()).await.unwrap();
    assert_eq!(gone.head.state, State::Destroyed);
    collect(&scene).await;
    assert_eq!(scene.app.store.capture(capture).await.unwrap(), None);
}

#[tokio::test]
async fn a_stopped_sandbox_is_backed_up_by_itself_and_survives_its_runner() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let head = scene.stopped(&mut runner).await;
    scene.pass(WHILE);
    scene.sweep().await;
    runner.work_off(&scene).await;
    let kept = scene.head(head.id).await;
    assert!(kept.state == State::Stopped && kept.files.is_fresh());
    assert_eq!(kept.last_activity, head.last_activity, "a backup is no use");
    paddock_functions::actions::declare_runner_dead::run(&scene.app, runner.id()).await.unwrap();
    assert_eq!(scene.head(head.id).await.state, State::Archived);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_fork_waits_for_the_files_of_its_source() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let source = scene.started(&mut runner).await;
    let id = source.id.to_string();
    let fork = fork_sandbox::run(&scene.app, &scene.requester, &id, Some("fork".into())).await.unwrap().head;
    assert_eq!((fork.state, fork.runner, scene.head(source.id).await.state), (State::Creating, None, State::Forking));
    let again = fork_sandbox::run(&scene.app, &scene.requester, &id, None).await;
    assert!(matches!(again, Err(Error::Refused { .. })), "one at a time");
    scene.sweep().await;
    runner.work_off(&scene).await;
    assert_eq!(scene.head(source.id).await.state, State::Started);
    let placed = scene.head(fork.id).await;
    assert!(placed.runner.is_some(), "woken by the report");
    let work = runner.works(&scene).await.pop().unwrap();
    assert_eq!(work.restore.as_ref().unwrap().manifest.id, fork.files.base.unwrap().0);
    runner.drive(&scene, work, &mut Vec::new()).await;
    assert_eq!(scene.head(fork.id).await.state, State::Started);
    scene.assert_conserved().await;

    let family = |name: &'static str| list_family::parent(&scene.app, &scene.requester, name);
    assert_eq!(family("fork").await.unwrap().head.id, source.id);
    assert_eq!(list_family::forks(&scene.app, &scene.requester, &id).await.unwrap().len(), 1);
    assert_eq!(list_family::ancestors(&scene.app, &scene.requester, "fork").await.unwrap()[0].head.id, source.id);
    let refused = delete_sandbox::run(&scene.app, &scene.requester, &id).await;
    assert!(matches!(refused, Err(Error::HasForks(_))));
    delete_sandbox::run(&scene.app, &scene.requester, "fork").await.unwrap();
    runner.work_off(&scene).await;
    delete_sandbox::run(&scene.app, &scene.requester, &id).await.unwrap();
    runner.work_off(&scene).await;
    collect(&scene).await;
    assert_eq!(scene.app.store.capture(fork.files.base.unwrap()).await.unwrap(), None);
    assert!(scene.app.store.children(source.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_fork_whose_source_fails_is_an_error_and_says_why() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let source = scene.started(&mut runner).await;
    runner.captures_fail = true;
    let fork = fork_sandbox::run(&scene.app, &scene.requester, &source.id.to_string(), None).await.unwrap().head;
    runner.work_off(&scene).await;
    let lost = scene.head(fork.id).await;
    assert_eq!((lost.state, lost.charge), (State::Error, Charge::default()));
    assert!(lost.failure.unwrap().reason.contains("forked from"));
    assert_eq!(scene.head(source.id).await.state, State::Started);
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_snapshot_of_a_sandbox_makes_sandboxes_with_its_files() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let source = scene.started(&mut runner).await;
    let id = source.id.to_string();
    let shown = capture_sandbox::snapshot(&scene.app, &scene.requester, &id, "mine".into()).await.unwrap();
    assert_eq!(shown.head.state, State::Snapshotting);
    let of = |name: &'static str| find_snapshot::run(&scene.app, scene.requester.organization, name);
    assert_eq!(of("mine").await.unwrap().state, SnapshotState::Snapshotting);
    let wanted = || create_sandbox::Request { snapshot: Some("mine".into()), ..request() };
    let early = create_sandbox::run(&scene.app, &scene.requester, wanted()).await;
    assert!(early.unwrap_err().to_string().contains("not active"));
    runner.work_off(&scene).await;
    assert_eq!(scene.head(source.id).await.state, State::Started);
    let snapshot = of("mine").await.unwrap();
    assert_eq!((snapshot.state.clone(), snapshot.source), (SnapshotState::Active, Some(source.id)));
    let taken = capture_sandbox::snapshot(&scene.app, &scene.requester, &id, "mine".into()).await;
    assert!(matches!(taken, Err(Error::NameTaken { .. })));

    let made = create_sandbox::run(&scene.app, &scene.requester, wanted()).await.unwrap().head;
    let work = runner.works(&scene).await.pop().unwrap();
    assert_eq!(work.restore.as_ref().unwrap().manifest.id, snapshot.id.0);
    runner.drive(&scene, work, &mut Vec::new()).await;
    delete_snapshot::run(&scene.app, scene.requester.organization, "mine").await.unwrap();
    collect(&scene).await;
    let files = CaptureId(snapshot.id.0);
    assert!(scene.app.store.capture(files).await.unwrap().is_some(), "the sandbox made from it names it");
    delete_sandbox::run(&scene.app, &scene.requester, &made.id.to_string()).await.unwrap();
    runner.work_off(&scene).await;
    collect(&scene).await;
    assert_eq!(scene.app.store.capture(files).await.unwrap(), None);
}

#[tokio::test]
async fn a_snapshot_that_fails_says_why_and_its_sandbox_goes_on() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let source = scene.started(&mut runner).await;
    runner.captures_fail = true;
    let id = source.id.to_string();
    capture_sandbox::snapshot(&scene.app, &scene.requester, &id, "mine".into()).await.unwrap();
    runner.work_off(&scene).await;
    assert_eq!(scene.head(source.id).await.state, State::Started);
    let failed = find_snapshot::run(&scene.app, scene.requester.organization, "mine").await.unwrap();
    assert_eq!(failed.state, SnapshotState::Failed("no way to S3".into()));
}

/// Captures that come and go while the sweep collects: no named capture is ever lost.
#[tokio::test]
async fn collection_beside_archives_and_deletions_loses_nothing_that_is_named() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let mut heads: Vec<Sandbox> = Vec::new();
    for _ in 0..4 {
        heads.push(archived(&scene, &mut runner).await);
    }
    let app = &scene.app;
    for round in 0..4 {
        let deleted = heads.swap_remove(round % heads.len());
        let (started, dead) = (heads[0].id.to_string(), deleted.id.to_string());
        let (gone, run, _) = tokio::join!(
            delete_sandbox::run(app, &scene.requester, &dead),
            start_sandbox::run(app, &scene.requester, &started),
            scene.sweep(),
        );
        gone.unwrap();
        run.unwrap();
        runner.work_off(&scene).await;
        stop_sandbox::run(app, &scene.requester, &started, false).await.unwrap();
        runner.work_off(&scene).await;
        scene.pass(WHILE);
        runner.beat(&scene).await;
        let (archive, _) = tokio::join!(capture_sandbox::archive(app, &scene.requester, &started), scene.sweep(),);
        // The sweep may have wished its own backup first.
        if archive.is_err() {
            runner.work_off(&scene).await;
            capture_sandbox::archive(app, &scene.requester, &started).await.unwrap();
        }
        runner.work_off(&scene).await;
        heads[0] = scene.head(heads[0].id).await;
        assert_eq!(heads[0].state, State::Archived);
        for head in &heads {
            named_is_there(&scene, head.id).await;
        }
        heads.push(archived(&scene, &mut runner).await);
    }
    scene.assert_conserved().await;
}

async fn named_is_there(scene: &Scene, id: SandboxId) {
    for capture in scene.head(id).await.files.named() {
        let item = scene.app.store.capture(capture).await.unwrap().expect("a named capture is there");
        assert!(item.manifest.is_some() && !item.gone && item.refs > 0, "{item:?}");
    }
}

#[tokio::test]
async fn a_queue_that_ends_is_told_for_a_day() {
    let scene = Scene::new().await;
    let mut wanted = named("patient");
    wanted.timers.queue = Some(Duration::from_secs(120));
    let queued = create_sandbox::run(&scene.app, &scene.requester, wanted).await.unwrap().head;
    assert_eq!((queued.state, queued.runner), (State::Creating, None));
    scene.pass(Duration::from_secs(121));
    scene.sweep().await;
    let find = |what: String| {
        let organization = scene.requester.organization;
        let app = &scene.app;
        async move { paddock_functions::actions::find_sandbox::run(app, organization, &what).await }
    };
    let told = find(queued.id.to_string()).await.unwrap();
    assert!(told.head.state == State::Destroyed && told.head.queue_timed_out);
    assert!(find("patient".into()).await.is_err(), "its name is free");
    scene.assert_conserved().await;
}

#[tokio::test]
async fn a_changed_interval_takes_effect_at_once() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let head = scene.stopped(&mut runner).await;
    let id = head.id.to_string();
    let soon = Some(Duration::from_secs(30));
    let set = set_timers::run(&scene.app, &scene.requester, &id, |timers| timers.auto_delete = soon);
    let set = set.await.unwrap().head;
    assert_eq!(set.due, Some(set.last_activity.after(Duration::from_secs(30))));
    scene.pass(Duration::from_secs(31));
    scene.sweep().await;
    runner.work_off(&scene).await;
    assert_eq!(scene.head(head.id).await.state, State::Destroyed);
    assert_eq!(Effect::None, scene.head(head.id).await.advance(scene.app.now()).1);
}
