//! Interruptions: what was packed and sent need not be again.

use std::{collections::BTreeSet, fs, time::Duration};

use super::scene::{Fault, IMAGE, Scene};
use crate::snapshots::{CaptureError, CaptureStore};

/// An agent that was killed when eight parts were sent and the next hung. Answers with the parts that its journal has.
async fn killed_in_the_middle(scene: &Scene) -> BTreeSet<u32> {
    scene.fail((0..8).map(|_| None).chain((0..100).map(|_| Some(Fault::Silent))));
    let captures = scene.captures();
    let packing = captures.begin(scene.wanted, scene.upper.path(), IMAGE, &scene.cancel).await.unwrap();
    let finishing = captures.finish(packing, &scene.cancel);
    tokio::time::timeout(Duration::from_millis(500), finishing).await.unwrap_err();
    drop(captures.turns.take(&scene.spool()).await);
    scene.fail([]);
    assert_eq!(scene.content().taken.len(), 8);
    let journal: serde_json::Value = serde_json::from_slice(&fs::read(scene.journal()).unwrap()).unwrap();
    let noted: BTreeSet<u32> =
        journal["parts"].as_object().unwrap().keys().map(|number| number.parse().unwrap()).collect();
    assert!(noted.len() >= 4, "{noted:?}");
    noted
}

/// Each part that was noted was taken once.
fn sent_once(scene: &Scene, noted: &BTreeSet<u32>) {
    let content = scene.content();
    for number in noted {
        let times = content.taken.iter().filter(|taken| *taken == number).count();
        assert_eq!(times, 1, "part {number} of {:?}", content.taken);
    }
}

#[tokio::test]
async fn a_whole_spool_is_sent_on_without_packing_again() {
    let scene = Scene::new().await;
    let noted = killed_in_the_middle(&scene).await;
    let captures = scene.captures();
    assert!(captures.is_packed(scene.wanted.id));
    let gone = scene.upper.path().join("gone");
    let packing = captures.begin(scene.wanted, &gone, IMAGE, &scene.cancel).await.unwrap();
    let manifest = captures.finish(packing, &scene.cancel).await.unwrap();
    assert_eq!(scene.content().object.len() as u64, manifest.size);
    sent_once(&scene, &noted);
}

#[tokio::test]
async fn half_a_spool_is_packed_anew_and_the_same_parts_are_not_sent_again() {
    let scene = Scene::new().await;
    let noted = killed_in_the_middle(&scene).await;
    let half = fs::metadata(scene.spool()).unwrap().len() / 2;
    fs::File::options().write(true).open(scene.spool()).unwrap().set_len(half).unwrap();
    let captures = scene.captures();
    assert!(!captures.is_packed(scene.wanted.id));
    let manifest = scene.capture(&captures).await.unwrap();
    assert_eq!(scene.content().object.len() as u64, manifest.size);
    sent_once(&scene, &noted);
}

#[tokio::test]
async fn files_that_changed_since_are_sent_as_they_are_now() {
    let scene = Scene::new().await;
    killed_in_the_middle(&scene).await;
    fs::remove_file(scene.spool()).unwrap();
    fs::write(scene.upper.path().join("a"), "something else").unwrap();
    scene.capture(&scene.captures()).await.unwrap();
    let mut bytes = Vec::new();
    paddock_layers::pack(scene.upper.path(), &mut bytes, None).unwrap();
    // An upload keeps parts that it was once given; those beyond the end are not completed, and not in the object.
    assert!(scene.content().object == bytes, "another object");
}

#[tokio::test]
async fn an_upload_that_s3_forgot_begins_anew() {
    let scene = Scene::new().await;
    killed_in_the_middle(&scene).await;
    scene.fail([Some(Fault::Status(404))]);
    let captures = scene.captures();
    let error = scene.capture(&captures).await.unwrap_err();
    assert!(matches!(error, CaptureError::Unavailable(_)), "{error}");
    {
        let mut content = scene.content();
        content.parts.clear();
        content.taken.clear();
    }
    let manifest = scene.capture(&captures).await.unwrap();
    assert_eq!(scene.content().object.len() as u64, manifest.size);
}

#[tokio::test]
async fn who_was_dropped_is_waited_for() {
    let scene = Scene::new().await;
    let captures = scene.captures();
    for _ in 0..20 {
        let packing = captures.begin(scene.wanted, scene.upper.path(), IMAGE, &scene.cancel);
        drop(tokio::time::timeout(Duration::from_millis(2), packing).await);
    }
    let manifest = scene.capture(&captures).await.unwrap();
    assert_eq!(scene.content().object.len() as u64, manifest.size);
}
