//! From files to an object.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use axum::http::StatusCode;

use super::scene::{Fault, IMAGE, PART_BYTES, Scene};
use crate::snapshots::{CaptureError, CaptureStore};

#[tokio::test]
async fn the_object_is_what_the_manifest_says() {
    let scene = Scene::new().await;
    let captures = scene.captures();
    let manifest = scene.capture(&captures).await.unwrap();
    let mut bytes = Vec::new();
    let packed = paddock_layers::pack(scene.upper.path(), &mut bytes, None).unwrap();
    assert!(scene.content().object == bytes, "another object");
    assert_eq!((manifest.id, &*manifest.image), (scene.wanted.id, IMAGE));
    assert_eq!((&manifest.sha256, manifest.size), (&packed.sha256, packed.size));
    assert_eq!((manifest.unpacked, manifest.entries), (packed.unpacked, packed.entries));
    let parts = u32::try_from(packed.size.div_ceil(PART_BYTES)).unwrap();
    let mut taken = scene.content().taken.clone();
    taken.sort_unstable();
    assert_eq!(taken, (1..=parts).collect::<Vec<_>>());
    assert!(!scene.spool().exists());

    // The report may be lost: asked again, also by a new agent, the answer is the same, and nothing is sent.
    for captures in [captures, scene.captures()] {
        assert!(captures.is_packed(scene.wanted.id));
        assert_eq!(scene.capture(&captures).await.unwrap(), manifest);
    }
    assert_eq!(scene.content().completions, 1);
    assert_eq!(scene.content().taken.len(), taken.len());
}

#[tokio::test]
async fn parts_that_fail_are_sent_again() {
    let scene = Scene::new().await;
    let faults = [Fault::Status(500), Fault::Lost, Fault::Status(503), Fault::Expired, Fault::Status(429)];
    scene.fail(faults.map(Some));
    let manifest = scene.capture(&scene.captures()).await.unwrap();
    assert!(scene.content().faults.is_empty());
    assert_eq!(scene.content().object.len() as u64, manifest.size);
}

#[tokio::test]
async fn a_part_that_s3_never_takes_is_a_failure() {
    let scene = Scene::new().await;
    scene.fail([Some(Fault::Status(400))]);
    let error = scene.capture(&scene.captures()).await.unwrap_err();
    assert!(matches!(error, CaptureError::Failed(_)), "{error}");
    assert!(scene.spool().exists(), "what is packed is kept");
}

#[tokio::test]
async fn what_the_control_plane_does_not_want_is_refused() {
    for status in [StatusCode::NOT_FOUND, StatusCode::CONFLICT] {
        let scene = Scene::new().await;
        scene.content().refuse_begin = Some(status);
        let error = scene.capture(&scene.captures()).await.unwrap_err();
        assert!(matches!(error, CaptureError::Refused(_)), "{error}");
    }
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_a_failure() {
    let scene = Scene::new().await;
    let absent = scene.upper.path().join("absent");
    let error = scene.captures().begin(scene.wanted, &absent, IMAGE, &scene.cancel).await.unwrap_err();
    assert!(matches!(error, CaptureError::Failed(_)), "{error}");
    assert!(!scene.spool().exists());
}

#[tokio::test]
async fn a_cancelled_capture_ends_at_once() {
    let scene = Scene::new().await;
    scene.fail((0..100).map(|_| Some(Fault::Silent)));
    let captures = scene.captures();
    let packing = captures.begin(scene.wanted, scene.upper.path(), IMAGE, &scene.cancel).await.unwrap();
    scene.cancel.cancel();
    let error = captures.finish(packing, &scene.cancel).await.unwrap_err();
    assert!(matches!(error, CaptureError::Cancelled), "{error}");
    let error = captures.begin(scene.wanted, scene.upper.path(), IMAGE, &scene.cancel).await.unwrap_err();
    assert!(matches!(error, CaptureError::Cancelled), "{error}");
}

#[tokio::test]
async fn spools_that_nobody_asks_for_are_forgotten_after_a_day() {
    let scene = Scene::new().await;
    let captures = scene.captures();
    drop(captures.begin(scene.wanted, scene.upper.path(), IMAGE, &scene.cancel).await.unwrap());
    let age = |path: &std::path::Path, hours: u64| {
        let then = SystemTime::now() - Duration::from_secs(hours * 3600);
        fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    };
    // Its last thread has let go.
    drop(captures.turns.take(&scene.spool()).await);
    age(&scene.spool(), 25);
    captures.forget_old();
    assert!(scene.spool().exists(), "its journal is fresh");
    age(&scene.journal(), 25);
    captures.forget_old();
    assert!(!scene.spool().exists() && !scene.journal().exists());
}
