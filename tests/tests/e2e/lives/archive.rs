//! An archive: nothing of the sandbox is left on a runner, everything of it comes back.

use std::time::Duration;

use anyhow::{Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, within};
use paddock_tests::tree::Tree;
use paddock_tests::{docker, objects, turn};

use super::{accepted, answers_that_it_does_not_run, archive, refused};

/// A few thousand small ones: what one file costs must not be much.
const FILES: usize = 3000;

/// What nobody names is marked after a minute and deleted after another, each at a tick that comes every minute.
const COLLECTION: Duration = Duration::from_secs(420);

#[tokio::test]
async fn an_archive_holds_every_file_as_it_was() -> Result<()> {
    let turn = turn::shared().await;
    let api = Api::owner();
    let id = api.create(labelled("archive")).await?;
    let toolbox = api.toolbox(&id);
    let tree = Tree::build(&toolbox, FILES).await?;
    let before = docker::container(&id).await?.id;
    refused(&api, &id, "archive", None, 400).await?;
    api.stop(&id).await?;

    archive(&api, &id).await?;
    let left = docker::containers(&id).await?;
    ensure!(left.is_empty(), "archived, yet it has containers: {left:?}");
    ensure!(!objects::of_sandbox(&id)?.is_empty(), "archived, yet no object has its files");
    let shown = api.get(&id).await?;
    ensure!(shown["backupState"] == "Completed" && shown["runnerId"].is_null(), "shown as {shown}");
    answers_that_it_does_not_run(&api, &id).await?;
    for action in ["archive", "stop", "pause"] {
        refused(&api, &id, action, None, 400).await?;
    }

    api.start(&id).await?;
    tree.verify(&toolbox).await?;
    ensure!(docker::container(&id).await?.id != before, "the container should have been made anew");
    // Its last archive is all that a second one begins with.
    api.stop(&id).await?;
    api.start(&id).await?;
    tree.verify(&toolbox).await?;

    api.delete(&id).await?;
    // Collection takes minutes and is in nobody's way.
    drop(turn);
    within(COLLECTION, "the objects are collected", || async {
        let left = objects::of_sandbox(&id)?;
        Ok(if left.is_empty() { Look::Done(()) } else { Look::NotYet(format!("{left:?}")) })
    })
    .await
}

#[tokio::test]
async fn a_start_takes_an_archive_back() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let id = api.create(labelled("archive-cancelled")).await?;
    let toolbox = api.toolbox(&id);
    // Enough that it is not archived before the start comes.
    toolbox.sh("head -c 30M /dev/urandom > kept && sha256sum kept > sum").await?;
    api.stop(&id).await?;

    let asked = accepted(&api, &id, "archive", None).await?;
    ensure!(asked["state"] == "archiving", "answered as {}", asked["state"]);
    api.start(&id).await?;
    toolbox.sh("sha256sum --check sum").await?;
    // Exactly one, or this is an error.
    ensure!(docker::container(&id).await?.running, "started, yet it does not run");
    // It is not only started, it is as any other: the next archive is no worse for the one that was given up.
    api.stop(&id).await?;
    archive(&api, &id).await?;
    api.start(&id).await?;
    toolbox.sh("sha256sum --check sum").await?;
    api.delete(&id).await
}
