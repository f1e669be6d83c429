//! A paused sandbox: everything is kept, nothing moves.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::docker::{self, Container};
use paddock_tests::turn;

use super::{accepted, answers_that_it_does_not_run, refused};

/// Counts in a file for as long as it runs, and says its process id.
pub const COUNT: &str =
    "nohup sh -c 'while :; do echo >> /home/daytona/count; sleep 0.05; done' >/dev/null 2>&1 & echo $!";

/// Long enough that a count which goes on is seen to go on.
const A_WHILE: Duration = Duration::from_secs(1);

/// Pauses what is started, and waits until it is so.
pub async fn pause(api: &Api, id: &str) -> Result<()> {
    let asked = accepted(api, id, "pause", None).await?;
    // SDKs take any other state for the end of the pausing.
    ensure!(asked["state"] == "pausing", "answered as {}", asked["state"]);
    api.until_state(id, "paused").await
}

/// Docker says that it is frozen.
pub fn is_frozen(container: &Container) -> bool {
    container.all["State"]["Paused"] == true
}

/// How far it has counted, read from outside: nothing inside can say it while it is frozen.
pub fn counted(container: &Container) -> Result<usize> {
    let upper = container.all["GraphDriver"]["Data"]["UpperDir"].as_str().context("the engine uses overlay2")?;
    Ok(std::fs::read(Path::new(upper).join("home/daytona/count"))?.len())
}

#[tokio::test]
async fn a_paused_sandbox_stands_still_and_goes_on() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let id = api.create(labelled("pause")).await?;
    let toolbox = api.toolbox(&id);
    let pid = toolbox.sh(COUNT).await?;

    pause(&api, &id).await?;
    let frozen = docker::container(&id).await?;
    ensure!(is_frozen(&frozen), "paused, yet docker says {}", frozen.all["State"]);
    let count = counted(&frozen)?;
    answers_that_it_does_not_run(&api, &id).await?;
    for action in ["pause", "archive", "fork"] {
        refused(&api, &id, action, None, 400).await?;
    }
    tokio::time::sleep(A_WHILE).await;
    ensure!(counted(&frozen)? == count, "it went on counting");

    api.start(&id).await?;
    toolbox.sh(&format!("kill -0 {pid}")).await.context("its processes are lost")?;
    let thawed = docker::container(&id).await?;
    ensure!((is_frozen(&thawed), &thawed.started_at) == (false, &frozen.started_at), "it was started anew");
    within(PATIENCE, "it goes on counting", || async {
        let now = counted(&thawed)?;
        Ok(if now > count { Look::Done(()) } else { Look::NotYet(format!("{now} lines")) })
    })
    .await?;
    api.delete(&id).await
}

#[tokio::test]
async fn a_paused_sandbox_can_be_stopped_and_deleted() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let id = api.create(labelled("pause-end")).await?;
    let toolbox = api.toolbox(&id);
    toolbox.sh("echo kept > kept").await?;

    pause(&api, &id).await?;
    api.stop(&id).await?;
    let stopped = docker::container(&id).await?;
    ensure!(!stopped.running && !is_frozen(&stopped), "stopped, yet docker says {}", stopped.all["State"]);
    refused(&api, &id, "pause", None, 400).await?;
    api.start(&id).await?;
    ensure!(toolbox.sh("cat kept").await? == "kept", "its file is lost");

    pause(&api, &id).await?;
    api.delete(&id).await?;
    let left = docker::containers(&id).await?;
    ensure!(left.is_empty(), "deleted, yet it has containers: {left:?}");
    Ok(())
}
