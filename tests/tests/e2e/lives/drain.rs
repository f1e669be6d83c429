//! A runner that is emptied: what is stopped there leaves with its files, and starts on the other.

use anyhow::{Context, Result, ensure};
use paddock_tests::api::{Answer, Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::stack::STACK;
use paddock_tests::tree::Tree;
use paddock_tests::{docker, processes, turn};
use reqwest::Method;
use serde_json::{Value, json};

const FILES: usize = 200;

/// Alone: others would not bear that their sandboxes change their runner.
#[tokio::test]
async fn a_drained_runner_loses_no_file() -> Result<()> {
    let _turn = turn::alone().await;
    let runners = processes::agents(STACK.state_dir()).len();
    ensure!(runners == 2, "this test needs a stack with two runners, there are {runners}");
    let api = Api::owner();
    let id = api.create(labelled("drain")).await?;
    let owner = docker::container(&id).await?.label("dev.paddock.runner").to_owned();
    let tree = Tree::build(&api.toolbox(&id), FILES).await?;
    api.stop(&id).await?;

    let drained = drain_and_start_elsewhere(&api, &id, &owner).await;
    // Whatever came of it: the tests after this one need both.
    let shown = mark(&api, &owner, "draining", false).await?;
    drained?;
    ensure!(shown["unschedulable"] == false && shown["draining"] == false, "undrained: {shown}");
    tree.verify(&api.toolbox(&id)).await?;
    api.delete(&id).await
}

async fn drain_and_start_elsewhere(api: &Api, id: &str, owner: &str) -> Result<()> {
    let refused = remove(api, owner).await?;
    let message = refused.body["message"].as_str().unwrap_or_default();
    ensure!(refused.status == 409 && message.contains("1 stopped"), "{} {}", refused.status, refused.body);

    let shown = mark(api, owner, "draining", true).await?;
    ensure!(shown["unschedulable"] == true && shown["draining"] == true, "drained: {shown}");
    ensure!(shown["id"] == owner && shown["state"] == "ready", "another runner: {shown}");
    api.until_state(id, "archived").await?;
    until_empty(owner).await?;

    api.start(id).await?;
    let now = docker::container(id).await?.label("dev.paddock.runner").to_owned();
    ensure!(now != owner, "it started on the runner that drains");
    let list = api.expect(Method::GET, "/runners", None).await?;
    let list = list.as_array().context("a list")?;
    ensure!(list.len() == 2 && list.iter().any(|it| it["id"] == now.as_str()), "not listed: {list:?}");
    Ok(())
}

async fn mark(api: &Api, runner: &str, what: &str, on: bool) -> Result<Value> {
    api.expect(Method::PATCH, &format!("/runners/{runner}/{what}"), Some(&json!({ what: on }))).await
}

async fn remove(api: &Api, runner: &str) -> Result<Answer> {
    api.call(Method::DELETE, &format!("/runners/{runner}"), None).await
}

/// What waited there in the pool leaves too.
async fn until_empty(runner: &str) -> Result<()> {
    let here = format!("label=dev.paddock.runner={runner}");
    within(PATIENCE, "the runner that drains is empty", || async {
        let left = docker::docker(&["ps", "-aq", "--filter", &here, "--filter", "label=dev.paddock.sandbox"]).await?;
        Ok(if left.is_empty() { Look::Done(()) } else { Look::NotYet(left) })
    })
    .await
}
