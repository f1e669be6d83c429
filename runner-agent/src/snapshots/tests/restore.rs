//! From an object to files.

use std::{fs, time::Duration};

use super::scene::{Fault, Scene};
use crate::snapshots::{CaptureStore, Captures, Ground, RestoreError};

/// A sandbox that was captured, and a directory for its files with something in it.
async fn captured() -> (Scene, Captures, paddock_wire::work::Restore, tempfile::TempDir) {
    let scene = Scene::new().await;
    let captures = scene.captures();
    let manifest = scene.capture(&captures).await.unwrap();
    let restore = scene.restore_of(manifest);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("left behind"), "x").unwrap();
    (scene, captures, restore, dir)
}

fn upper(dir: &tempfile::TempDir) -> Ground {
    Ground::Upper(dir.path().to_owned())
}

fn names(dir: &tempfile::TempDir) -> Vec<String> {
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn files_come_back_over_broken_connections() {
    let (scene, captures, restore, dir) = captured().await;
    scene.fail([Fault::Status(500), Fault::Lost, Fault::Status(503)].map(Some));
    captures.restore(&restore, &upper(&dir), &scene.cancel).await.unwrap();
    assert_eq!(names(&dir), ["a", "b", "c", "d"]);
    for name in names(&dir) {
        assert!(fs::read(dir.path().join(&name)).unwrap() == fs::read(scene.upper.path().join(&name)).unwrap());
    }
}

#[tokio::test]
async fn an_object_that_is_not_the_one_meant_is_a_failure() {
    let (scene, captures, restore, dir) = captured().await;
    let mut other = restore.clone();
    other.manifest.sha256 = "0".repeat(64);
    let error = captures.restore(&other, &upper(&dir), &scene.cancel).await.unwrap_err();
    assert!(matches!(&error, RestoreError::Failed(reason) if reason.contains("digest")), "{error}");
    assert!(names(&dir).is_empty());
    let half = scene.content().object.len() / 2;
    scene.content().object.truncate(half);
    let error = captures.restore(&restore, &upper(&dir), &scene.cancel).await.unwrap_err();
    assert!(matches!(error, RestoreError::Failed(_)), "{error}");
    assert!(names(&dir).is_empty());
}

#[tokio::test]
async fn an_expired_url_may_be_renewed_and_an_absent_object_not() {
    let (scene, captures, restore, dir) = captured().await;
    scene.fail([Some(Fault::Expired), Some(Fault::Status(404))]);
    let error = captures.restore(&restore, &upper(&dir), &scene.cancel).await.unwrap_err();
    assert!(matches!(error, RestoreError::Unavailable(_)), "{error}");
    assert!(!error.to_string().contains("http"), "the URL is a secret: {error}");
    let error = captures.restore(&restore, &upper(&dir), &scene.cancel).await.unwrap_err();
    assert!(matches!(error, RestoreError::Failed(_)), "{error}");
}

#[tokio::test]
async fn a_cancelled_restore_leaves_nothing() {
    let (scene, captures, restore, dir) = captured().await;
    scene.fail([Some(Fault::Silent)]);
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        scene.cancel.cancel();
    };
    let ground = upper(&dir);
    let (restored, ()) = tokio::join!(captures.restore(&restore, &ground, &scene.cancel), cancelling);
    assert!(matches!(restored, Err(RestoreError::Cancelled)), "{restored:?}");
    drop(captures.turns.take(dir.path()).await);
    assert!(names(&dir).is_empty());
}
