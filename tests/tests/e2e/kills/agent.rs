//! The runner-agent. What runs goes on running without it; what it was doing is done by the next one.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, after, within};
use paddock_tests::kill::all_agents;
use paddock_tests::turn;
use reqwest::Method;
use tokio::time::Instant;

use super::{Survivor, no_containers};

/// More than can be started at once, so that some are under way for a while.
const CREATES: usize = 10;

#[tokio::test]
async fn killed_agent_adopts_its_sandboxes_when_it_is_back() -> Result<()> {
    let _turn = turn::alone().await;
    let survivor = Survivor::make("kill-agent").await?;
    let before = survivor.container().await?;
    survivor.toolbox.sh("nohup sleep 86400 >/dev/null 2>&1 & echo $! > /tmp/pid").await?;

    let fault = Instant::now();
    all_agents().await?;
    survivor.comes_through(fault).await?;

    let after = survivor.container().await?;
    ensure!(after.started_at == before.started_at, "the sandbox did not keep running");
    survivor.toolbox.sh("kill -0 $(cat /tmp/pid)").await.context("processes in the sandbox were lost")?;
    survivor.ends_well().await
}

#[tokio::test]
async fn agent_killed_in_the_middle_of_creates_finishes_them() -> Result<()> {
    let _turn = turn::alone().await;
    let api = Api::owner();
    let asked = try_join_all((0..CREATES).map(|_| async {
        let answer = api.call(Method::POST, "/sandbox", Some(&labelled("kill-agent-in-creates"))).await?;
        ensure!(answer.status == 200, "create: {} {}", answer.status, answer.body);
        answer.body["id"].as_str().map(str::to_owned).context("a sandbox has an id")
    }));
    let killed = async {
        within(PATIENCE, "a create is under way", || async {
            let listed = api.list().await?;
            let busy = listed.iter().any(|(_, state)| state != "started");
            Ok(if busy { Look::Done(()) } else { Look::NotYet(format!("{listed:?}")) })
        })
        .await?;
        let fault = Instant::now();
        all_agents().await.map(|()| fault)
    };
    let (ids, fault) = tokio::try_join!(asked, killed)?;
    after(fault, async {
        for id in &ids {
            api.until_state(id, "started").await?;
            paddock_tests::toolbox::Toolbox::of(id).until_works().await?;
            // Exactly one, or this is an error.
            paddock_tests::docker::container(id).await?;
        }
        Ok(())
    })
    .await?;
    for id in &ids {
        api.delete(id).await?;
        no_containers(id).await?;
    }
    Ok(())
}
