//! Every message twice and out of order, every tenth write throttled and every tenth answer lost: the same end states.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::faults::{self, Faults};
use paddock_tests::toolbox::Toolbox;
use paddock_tests::{docker, quota, turn};
use serde_json::{Value, json};

const SANDBOXES: usize = 10;

#[tokio::test]
async fn doubled_late_and_lost_messages_change_no_end_state() -> Result<()> {
    let _turn = turn::alone().await;
    let plan = json!({ "throttle": "1/10", "lost-answer": "1/10", "sqs-double": "1/1", "sqs-reorder": true });
    faults::reset_stats().await?;
    let storm = Faults::on(&plan).await?;

    let api = Api::owner();
    let lives = try_join_all((0..SANDBOXES).map(|n| half_a_life(&api, n))).await?;
    let (stopped, started): (Vec<_>, Vec<_>) = lives.iter().enumerate().partition(|(n, _)| n % 2 == 0);
    for (_, id) in &started {
        one_container(id, true).await?;
    }
    for (_, id) in &stopped {
        one_container(id, false).await?;
    }
    // The pool is topped up meanwhile, but it belongs to no organization.
    quota::settles().await?;

    try_join_all(lives.iter().map(|id| api.delete(id))).await?;
    for id in &lives {
        within(PATIENCE, "no container is left", || async {
            let left = docker::containers(id).await?;
            Ok(if left.is_empty() { Look::Done(()) } else { Look::NotYet(format!("{id}: {left:?}")) })
        })
        .await?;
    }
    quota::settles().await?;
    let stats = faults::stats().await?;
    drop(storm);
    let (all, hit) = writes(&stats);
    println!("{hit} of {all} writes met a fault");
    ensure!(all > 0 && hit * 10 > all, "too few faults happened ({hit} of {all} writes): {stats}");
    Ok(())
}

/// Create, use, stop, and for every other one start again; files stay.
async fn half_a_life(api: &Api, n: usize) -> Result<String> {
    let id = api.create(labelled("fault-storm")).await.with_context(|| format!("create {n}"))?;
    let toolbox = Toolbox::of(&id);
    toolbox.sh(&format!("echo {n} > kept")).await?;
    api.stop(&id).await.with_context(|| format!("stop {n}"))?;
    if n % 2 == 1 {
        api.start(&id).await.with_context(|| format!("start {n}"))?;
        ensure!(toolbox.sh("cat kept").await? == n.to_string(), "the files of {n} are lost");
    }
    Ok(id)
}

async fn one_container(id: &str, running: bool) -> Result<()> {
    let container = docker::container(id).await?;
    ensure!(container.running == running, "sandbox {id}: running is {}", container.running);
    Ok(())
}

/// Writes and how many of them met a fault: with every tenth throttled and every tenth answer lost, about a fifth.
fn writes(stats: &Value) -> (u64, u64) {
    let operations = stats["dynamodb"].as_object().into_iter().flatten();
    let writes =
        operations.filter(|(name, _)| ["PutItem", "UpdateItem", "TransactWriteItems"].contains(&name.as_str()));
    let sum = |(all, hit), (_, calls): (&String, &Value)| {
        (all + calls["calls"].as_u64().unwrap_or_default(), hit + calls["faults"].as_u64().unwrap_or_default())
    };
    writes.fold((0, 0), sum)
}
