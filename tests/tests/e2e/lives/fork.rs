//! A fork begins with the files of one moment, and is a sandbox of its own from then on.

use anyhow::{Context, Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::toolbox::Toolbox;
use paddock_tests::turn;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{accepted, ask, refused};

/// Two files in turn: at every moment they have the same number of lines, or the first has one more.
const WRITE: &str = "nohup sh -c 'while :; do echo line >> first; echo line >> second; sleep 0.01; done' \
                     >/dev/null 2>&1 & echo $!";

#[tokio::test]
async fn a_fork_of_what_is_written_to_is_of_one_moment() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let source = api.create(labelled("fork")).await?;
    let at_source = api.toolbox(&source);
    let writer = at_source.sh(WRITE).await?;
    until_more_than(&at_source, 0).await?;

    let child = fork(&api, &source).await?;
    let at_child = api.toolbox(&child);
    let (first, second) = lines(&at_child).await?;
    ensure!(second > 0 && (first == second || first == second + 1), "of two moments: {first} and {second} lines");
    ensure!(at_child.sh("echo $DAYTONA_SANDBOX_ID").await? == child, "it takes itself for its source");

    // The source never noticed.
    api.until_state(&source, "started").await?;
    at_source.sh(&format!("kill -0 {writer}")).await.context("the source lost its processes")?;
    until_more_than(&at_source, first).await?;
    at_source.sh(&format!("kill {writer}")).await?;

    at_child.sh("echo child > whose").await?;
    at_source.sh("test ! -e whose && echo source > whose").await?;
    ensure!(at_child.sh("cat whose").await? == "child", "they share their files");
    api.delete(&child).await?;
    api.delete(&source).await
}

#[tokio::test]
async fn a_source_outlives_its_forks() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let name = format!("fork-{}", Uuid::new_v4().simple());
    let mut body = labelled("fork-family");
    body["name"] = json!(name);
    let source = api.create(body).await?;
    refused(&api, &source, "fork", Some(&json!({ "name": name })), 409).await?;
    ensure!(ids(&api, &source, "forks").await?.is_empty(), "a refused fork is there");

    let child = fork(&api, &source).await?;
    let grandchild = fork(&api, &child).await?;
    ensure!(ids(&api, &source, "forks").await? == [child.clone()], "the source's forks");
    ensure!(ids(&api, &grandchild, "ancestors").await? == [source.clone(), child.clone()], "oldest first");
    ensure!(ids(&api, &source, "ancestors").await?.is_empty(), "the source has no ancestors");
    ensure!(relative(&api, &child, "parent").await?.1["id"] == source.as_str(), "the child's parent");
    ensure!(relative(&api, &source, "parent").await?.0 == 404, "the source has no parent");

    for (elder, younger) in [(&source, &child), (&child, &grandchild)] {
        let answer = api.call(Method::DELETE, &format!("/sandbox/{elder}"), None).await?;
        ensure!(answer.status == 400, "deleted before its fork {younger}: {} {}", answer.status, answer.body);
        ensure!(api.get(elder).await?["state"] == "started", "a refused deletion changed it");
    }
    api.delete(&grandchild).await?;
    api.delete(&child).await?;
    ensure!(ids(&api, &source, "forks").await?.is_empty(), "a deleted fork is still there");
    api.stop(&source).await?;
    refused(&api, &source, "fork", None, 400).await?;
    api.delete(&source).await
}

/// Forks, and waits until the fork is started.
async fn fork(api: &Api, source: &str) -> Result<String> {
    let made = accepted(api, source, "fork", Some(&json!({}))).await?;
    let id = made["id"].as_str().context("a fork has an id")?.to_owned();
    ensure!(id != source, "the answer is the source, not the fork");
    api.until_state(&id, "started").await?;
    // It waits for the capture, not for the source.
    api.until_state(source, "started").await?;
    let again = ask(api, &id, "start", None).await?;
    ensure!(again.status == 200, "a started fork cannot be started: {} {}", again.status, again.body);
    Ok(id)
}

async fn relative(api: &Api, id: &str, which: &str) -> Result<(u16, Value)> {
    let answer = api.call(Method::GET, &format!("/sandbox/{id}/{which}"), None).await?;
    Ok((answer.status, answer.body))
}

async fn ids(api: &Api, id: &str, which: &str) -> Result<Vec<String>> {
    let (status, body) = relative(api, id, which).await?;
    ensure!(status == 200, "{which}: {status} {body}");
    let items = body.as_array().with_context(|| format!("{which} is a list"))?;
    Ok(items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect())
}

/// Lines of the two files.
async fn lines(toolbox: &Toolbox) -> Result<(usize, usize)> {
    let counts = toolbox.sh("cat first | wc -l; cat second | wc -l").await?;
    let mut counts = counts.split_whitespace().map(str::parse);
    Ok((counts.next().context("two counts")??, counts.next().context("two counts")??))
}

async fn until_more_than(toolbox: &Toolbox, lines: usize) -> Result<()> {
    within(PATIENCE, "both files grow", || async {
        let (_, now) = self::lines(toolbox).await?;
        Ok(if now > lines { Look::Done(()) } else { Look::NotYet(format!("{now} lines, {lines} before")) })
    })
    .await
}
