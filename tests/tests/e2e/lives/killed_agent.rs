//! An agent that dies: what it captured is captured by the next one, and what it froze stays frozen.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, after, within};
use paddock_tests::kill::all_agents;
use paddock_tests::{docker, objects, turn};
use tokio::time::Instant;

use super::accepted;
use super::pause::{COUNT, counted, is_frozen, pause};

/// An agent that thaws what it finds would have done so by then.
const SETTLED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn agent_killed_in_the_middle_of_an_archive_finishes_it_and_its_restore() -> Result<()> {
    let _turn = turn::alone().await;
    let api = Api::owner();
    let id = api.create(labelled("kill-agent-in-archive")).await?;
    let toolbox = api.toolbox(&id);
    // Random, so that it stays as large when it is packed.
    toolbox.sh("head -c 100M /dev/urandom > kept && sha256sum kept > sum").await?;
    api.stop(&id).await?;

    let before = objects::spools()?;
    accepted(&api, &id, "archive", None).await?;
    within(PATIENCE, "the archive is under way", || async {
        let begun = objects::spools()?.into_iter().any(|spool| !before.contains(&spool));
        Ok(if begun { Look::Done(()) } else { Look::NotYet("nothing is packed".to_owned()) })
    })
    .await?;
    let state = api.get(&id).await?["state"].clone();
    ensure!(state == "archiving", "{state} before the agent could be killed");

    let fault = Instant::now();
    all_agents().await?;
    after(fault, async {
        api.until_state(&id, "archived").await?;
        let left = docker::containers(&id).await?;
        ensure!(left.is_empty(), "archived, yet it has containers: {left:?}");
        Ok(())
    })
    .await?;
    // The same on its way back.
    accepted(&api, &id, "start", None).await?;
    all_agents().await?;
    api.until_state(&id, "started").await?;
    toolbox.until_works().await?;
    toolbox.sh("sha256sum --check sum").await.context("what was restored is not what was archived")?;
    api.delete(&id).await
}

#[tokio::test]
async fn what_an_agent_paused_stays_paused_without_it() -> Result<()> {
    let _turn = turn::alone().await;
    let api = Api::owner();
    let id = api.create(labelled("kill-agent-in-pause")).await?;
    let toolbox = api.toolbox(&id);
    let pid = toolbox.sh(COUNT).await?;
    pause(&api, &id).await?;
    let frozen = docker::container(&id).await?;
    let count = counted(&frozen)?;

    let fault = Instant::now();
    all_agents().await?;
    tokio::time::sleep(SETTLED).await;
    let state = api.get(&id).await?["state"].clone();
    ensure!(state == "paused", "it is {state}");
    ensure!(is_frozen(&docker::container(&id).await?), "the next agent has thawed it");
    ensure!(counted(&frozen)? == count, "it went on counting");

    after(fault, async {
        api.start(&id).await?;
        toolbox.until_works().await
    })
    .await?;
    toolbox.sh(&format!("kill -0 {pid}")).await.context("its processes are lost")?;
    let thawed = docker::container(&id).await?;
    ensure!((&thawed.id, &thawed.started_at) == (&frozen.id, &frozen.started_at), "it was started anew");
    api.delete(&id).await
}
