//! Other limits for a sandbox that runs, without a process of it noticing.

use anyhow::{Context, Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::docker::{self, Container};
use paddock_tests::turn;
use serde_json::{Value, json};

use super::{accepted, refused};

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn limits_change_under_what_runs() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let id = api.create(labelled("resize")).await?;
    let toolbox = api.toolbox(&id);
    let pid = toolbox.sh("nohup sleep 86400 >/dev/null 2>&1 & echo $!").await?;
    let before = docker::container(&id).await?;
    let [cpu, memory, disk] = sizes(&api, &id).await?;
    ensure!(limits(&before)? == (cpu, memory), "made with other limits than it says: {:?}", limits(&before)?);

    resize(&api, &id, json!({ "cpu": cpu + 1, "memory": memory + 1 }), "started").await?;
    ensure!(sizes(&api, &id).await? == [cpu + 1, memory + 1, disk], "it says {:?}", sizes(&api, &id).await?);
    let after = docker::container(&id).await?;
    ensure!(limits(&after)? == (cpu + 1, memory + 1), "docker says {:?}", limits(&after)?);
    ensure!((after.pid, after.started_at) == (before.pid, before.started_at), "it was started anew");
    toolbox.sh(&format!("kill -0 {pid}")).await.context("its processes are lost")?;

    let wrong = [
        json!({ "cpu": cpu }),
        json!({ "memory": memory }),
        json!({ "cpu": cpu + 1, "memory": memory + 1 }),
        json!({ "disk": disk + 1 }),
        json!({ "cpu": 0 }),
        json!({}),
    ];
    for body in wrong {
        refused(&api, &id, "resize", Some(&body), 400).await?;
    }

    api.stop(&id).await?;
    refused(&api, &id, "resize", Some(&json!({ "disk": disk - 1 })), 400).await?;
    resize(&api, &id, json!({ "cpu": cpu, "memory": memory, "disk": disk + 1 }), "stopped").await?;
    ensure!(sizes(&api, &id).await? == [cpu, memory, disk + 1], "it says {:?}", sizes(&api, &id).await?);
    api.start(&id).await?;
    let again = docker::container(&id).await?;
    ensure!(limits(&again)? == (cpu, memory), "docker says {:?}", limits(&again)?);
    api.delete(&id).await
}

/// Back in the state that it came from.
async fn resize(api: &Api, id: &str, body: Value, state: &str) -> Result<()> {
    let asked = accepted(api, id, "resize", Some(&body)).await?;
    // SDKs take any other state for the end of the resizing.
    ensure!(asked["state"] == "resizing", "answered as {}", asked["state"]);
    api.until_state(id, state).await
}

/// CPUs, memory and disk, as the API says.
async fn sizes(api: &Api, id: &str) -> Result<[u64; 3]> {
    let shown = api.get(id).await?;
    Ok(["cpu", "memory", "disk"].map(|part| shown[part].as_u64().unwrap_or_default()))
}

/// CPUs and memory, as docker says.
fn limits(container: &Container) -> Result<(u64, u64)> {
    let host = &container.all["HostConfig"];
    let number = |name: &str| host[name].as_u64().with_context(|| format!("HostConfig has {name}"));
    Ok((number("NanoCpus")? / 1_000_000_000, number("Memory")? / GIB))
}
