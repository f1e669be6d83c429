//! Two runners: each edge serves every sandbox, by one hop to its owner where needed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::stack::STACK;
use paddock_tests::toolbox::Toolbox;
use paddock_tests::{docker, processes, turn};

const MOST_TRIES: usize = 20;

#[tokio::test]
async fn every_edge_serves_the_sandboxes_of_every_runner() -> Result<()> {
    let _turn = turn::shared().await;
    let runners = processes::agents(STACK.state_dir()).len();
    ensure!(
        runners == 2,
        "this test needs a stack with two runners (`cargo xtask up --runners 2`), there are {runners}"
    );
    let api = Api::owner();

    // Placement is by chance: more until both own one.
    let mut made = Vec::new();
    let mut by_runner = BTreeMap::new();
    while by_runner.len() < 2 && made.len() < MOST_TRIES {
        let id = api.create(labelled("relay")).await?;
        let owner = docker::container(&id).await?.label("dev.paddock.runner").to_owned();
        by_runner.insert(owner, id.clone());
        made.push(id);
    }
    ensure!(by_runner.len() == 2, "all of {MOST_TRIES} sandboxes are on one runner: {by_runner:?}");

    let edges = [STACK.proxy_url.clone(), STACK.second_proxy_url()];
    for (edge, id) in edges.iter().flat_map(|edge| by_runner.values().map(move |id| (edge, id))) {
        one_pair(edge, id).await.with_context(|| format!("sandbox {id} through {edge}"))?;
    }
    for id in made {
        api.delete(&id).await?;
    }
    Ok(())
}

async fn one_pair(edge: &str, id: &str) -> Result<()> {
    let toolbox = Toolbox::through(edge, id);
    ensure!(toolbox.sh("echo $DAYTONA_SANDBOX_ID").await? == id, "another sandbox answered");
    let content: Vec<u8> = (0..6_000_000_u32).flat_map(u32::to_le_bytes).collect();
    toolbox.upload("/tmp/relayed", content.clone()).await?;
    ensure!(toolbox.download("/tmp/relayed").await? == content, "the file came back changed");
    Ok(())
}
