//! Archives know no runner: what was archived on one comes back on another.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use paddock_tests::api::{Api, labelled};
use paddock_tests::stack::STACK;
use paddock_tests::tree::Tree;
use paddock_tests::{docker, processes, turn};

use super::archive;

const FILES: usize = 200;

/// Of sandboxes, until both runners have one, and of archives, until one comes back elsewhere.
const MOST_TRIES: usize = 20;

#[tokio::test]
async fn an_archive_comes_back_on_another_runner() -> Result<()> {
    let _turn = turn::shared().await;
    let runners = processes::agents(STACK.state_dir()).len();
    ensure!(runners == 2, "this test needs a stack with two runners, there are {runners}");
    let api = Api::owner();
    let (first, second) = one_on_each(&api).await?;
    let trees = try_join_all([&first, &second].map(|id| async { Tree::build(&api.toolbox(id), FILES).await })).await?;

    let mut moved = false;
    for _ in 0..MOST_TRIES {
        moved = go_and_come_back(&api, [&first, &second]).await?;
        for (id, tree) in [&first, &second].into_iter().zip(&trees) {
            tree.verify(&api.toolbox(id)).await.with_context(|| format!("sandbox {id}, moved: {moved}"))?;
        }
        if moved {
            break;
        }
    }
    ensure!(moved, "{MOST_TRIES} times both archives came back where they had been");
    for id in [first, second] {
        api.delete(&id).await?;
    }
    Ok(())
}

/// Placement prefers the less loaded runner, which for one sandbox alone would always be the one it has just left.
async fn one_on_each(api: &Api) -> Result<(String, String)> {
    let first = api.create(labelled("other-runner")).await?;
    let owner = owner(&first).await?;
    let (mut spare, mut second) = (Vec::new(), None);
    while second.is_none() && spare.len() < MOST_TRIES {
        let id = api.create(labelled("other-runner")).await?;
        if self::owner(&id).await? == owner {
            spare.push(id);
        } else {
            second = Some(id);
        }
    }
    let all_here = format!("all of {MOST_TRIES} sandboxes are on runner {owner}");
    for id in spare {
        api.delete(&id).await?;
    }
    Ok((first, second.context(all_here)?))
}

/// Both are archived before the first of them is restored. True when one has changed its runner.
async fn go_and_come_back(api: &Api, ids: [&String; 2]) -> Result<bool> {
    let before = owners(ids).await?;
    for id in ids {
        api.stop(id).await?;
        archive(api, id).await?;
    }
    for id in ids {
        api.start(id).await?;
    }
    Ok(owners(ids).await? != before)
}

async fn owners(ids: [&String; 2]) -> Result<Vec<String>> {
    try_join_all(ids.map(|id| owner(id))).await
}

async fn owner(id: &str) -> Result<String> {
    Ok(docker::container(id).await?.label("dev.paddock.runner").to_owned())
}
