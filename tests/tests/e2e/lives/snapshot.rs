//! A snapshot of a sandbox: others begin with its files, whatever becomes of it.

use anyhow::{Result, bail, ensure};
use futures::future::try_join_all;
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::turn;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{accepted, refused};

#[tokio::test]
async fn sandboxes_begin_with_the_files_of_a_snapshot() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let name = format!("lives-{}", Uuid::new_v4().simple());
    let body = json!({ "name": name });
    let source = api.create(labelled("snapshot")).await?;
    api.toolbox(&source).sh("echo kept > kept && sudo rm /etc/debian_version").await?;
    let with_memory = json!({ "name": name, "includeMemory": true });
    refused(&api, &source, "snapshot", Some(&with_memory), 400).await?;

    let asked = accepted(&api, &source, "snapshot", Some(&body)).await?;
    // SDKs take any other state for the end of the making.
    ensure!(asked["state"] == "snapshotting", "answered as {}", asked["state"]);
    until_active(&api, &name).await?;
    api.until_state(&source, "started").await?;
    let shown = api.expect(Method::GET, &format!("/snapshots/{name}"), None).await?;
    ensure!(shown["sourceSandboxId"] == source.as_str(), "made of {}", shown["sourceSandboxId"]);
    ensure!(is_listed(&api, &name).await?, "it is not in the list");
    refused(&api, &source, "snapshot", Some(&body), 409).await?;

    // Not even the sandbox that it was made of has to be there.
    api.delete(&source).await?;
    let made = try_join_all((0..2).map(|_| begin_with(&api, &name))).await?;
    api.expect(Method::DELETE, &format!("/snapshots/{name}"), None).await?;
    until_unknown(&api, &name).await?;
    for id in &made {
        // What began with it keeps it.
        api.stop(id).await?;
        api.start(id).await?;
        has_its_files(&api, id).await?;
        api.delete(id).await?;
    }
    Ok(())
}

async fn begin_with(api: &Api, snapshot: &str) -> Result<String> {
    let mut body = labelled("snapshot");
    body["snapshot"] = json!(snapshot);
    let id = api.create(body).await?;
    ensure!(api.get(&id).await?["snapshot"] == snapshot, "made of another snapshot");
    has_its_files(api, &id).await?;
    Ok(id)
}

async fn has_its_files(api: &Api, id: &str) -> Result<()> {
    let kept = api.toolbox(id).sh("test ! -e /etc/debian_version && cat kept").await?;
    ensure!(kept == "kept", "the file holds {kept:?}");
    Ok(())
}

/// `snapshotting` first, and nothing else before it is done. Whether that is still to be seen is chance.
async fn until_active(api: &Api, name: &str) -> Result<()> {
    let failed = within(PATIENCE, "the snapshot is active", || async {
        let shown = api.expect(Method::GET, &format!("/snapshots/{name}"), None).await?;
        Ok(match shown["state"].as_str() {
            Some("active") => Look::Done(None),
            Some("snapshotting") => Look::NotYet("snapshotting".to_owned()),
            _ => Look::Done(Some(shown)),
        })
    });
    match failed.await? {
        Some(shown) => bail!("the snapshot is {}: {}", shown["state"], shown["errorReason"]),
        None => Ok(()),
    }
}

/// Another instance of the function may remember it for a moment.
async fn until_unknown(api: &Api, name: &str) -> Result<()> {
    within(PATIENCE, "the snapshot is unknown", || async {
        let answer = api.call(Method::GET, &format!("/snapshots/{name}"), None).await?;
        let listed = is_listed(api, name).await?;
        let gone = answer.status == 404 && !listed;
        Ok(if gone { Look::Done(()) } else { Look::NotYet(format!("{}, listed: {listed}", answer.status)) })
    })
    .await
}

async fn is_listed(api: &Api, name: &str) -> Result<bool> {
    let page: Value = api.expect(Method::GET, "/snapshots?limit=200", None).await?;
    Ok(page["items"].as_array().into_iter().flatten().any(|item| item["name"] == name))
}
