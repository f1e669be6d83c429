//! What a deployment leaves in the machine outside of its processes: containers, networks, firewall tables, mounts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, umount2};
use uuid::Uuid;

use super::secrets::Secrets;
use crate::engine::{containers, docker, network_names};
use crate::paths::StateDir;
use crate::process::{command, installed, output, run};

/// Enough for a shell to end; the daemon forwards SIGTERM.
const STOP_SECONDS: &str = "5";

/// Stops every container of the deployment; the next `up` starts those that shall run.
pub fn stop_sandboxes(secrets: &Secrets) -> Result<()> {
    let ids = containers(&label(secrets))?;
    if ids.is_empty() { Ok(()) } else { run(docker(["stop", "--time", STOP_SECONDS]).args(&ids)) }
}

/// Removes every container, network, firewall table and mount of the deployment.
pub fn wipe(state: &StateDir, secrets: Option<&Secrets>) -> Result<()> {
    if let Some(secrets) = secrets {
        let label = label(secrets);
        let ids = containers(&label)?;
        if !ids.is_empty() {
            run(docker(["rm", "--force", "--volumes"]).args(&ids))?;
        }
        // Before the networks, which tell the names of the tables.
        for table in tables(state, secrets)? {
            run(command("nft", ["delete", "table"]).args(table.split_whitespace()))?;
        }
        remove_networks(&network_names(&label)?)?;
    }
    // The innermost first.
    for mount in mounts(state.path())?.iter().rev() {
        umount2(mount.as_str(), MntFlags::MNT_DETACH).with_context(|| format!("cannot unmount {mount}"))?;
    }
    Ok(())
}

/// Docker 20 keeps a count of endpoints per network, and after a kill -9 the count may be one too high although no container
/// is left. It counts anew when it starts, so this cannot happen with an engine of ours: that one has just started.
fn remove_networks(names: &[String]) -> Result<()> {
    for name in names {
        run(&mut docker(["network", "rm", name])).with_context(|| {
            format!("network {name} stays. If the engine was killed it may count a container too many: restart it (containers survive with --live-restore) and repeat `down --wipe`")
        })?;
    }
    Ok(())
}

/// What is still there of a deployment, in words; empty after a wipe.
pub fn remains(state: &StateDir, secrets: Option<&Secrets>) -> Result<Vec<String>> {
    let mut remains = Vec::new();
    if let Some(secrets) = secrets {
        let label = label(secrets);
        remains.extend(containers(&label)?.into_iter().map(|id| format!("container {id}")));
        remains.extend(network_names(&label)?.into_iter().map(|name| format!("network {name}")));
        remains.extend(tables(state, secrets)?.into_iter().map(|table| format!("nft table {table}")));
    }
    remains.extend(mounts(state.path())?.into_iter().map(|mount| format!("mount {mount}")));
    Ok(remains)
}

fn label(secrets: &Secrets) -> String {
    format!("dev.paddock.deployment={}", secrets.deployment)
}

/// Firewall tables of the deployment's runners, as `family name`. A table is named after its runner, `paddock_<8 hex>`; the
/// runner's id stands in its journal, and its network is `paddock-<8 hex>`.
fn tables(state: &StateDir, secrets: &Secrets) -> Result<Vec<String>> {
    if !installed("nft") {
        return Ok(Vec::new());
    }
    let mut ours: Vec<String> = network_names(&label(secrets))?.iter().map(|name| name.replace('-', "_")).collect();
    ours.extend(runner_ids(state).map(|id| format!("paddock_{}", &id.simple().to_string()[..8])));
    let listing = output(&mut command("nft", ["list", "tables"]))?;
    let tables = listing.lines().filter_map(|line| line.strip_prefix("table "));
    let is_ours = |table: &&str| table.split_whitespace().nth(1).is_some_and(|name| ours.iter().any(|our| our == name));
    Ok(tables.filter(is_ours).map(str::to_owned).collect())
}

/// From the journals of the runners.
fn runner_ids(state: &StateDir) -> impl Iterator<Item = Uuid> {
    let folders = fs::read_dir(state.path()).into_iter().flatten().flatten();
    let journals = folders.filter_map(|folder| fs::read_to_string(folder.path().join("journal.json")).ok());
    let ids = journals.filter_map(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    ids.filter_map(|journal| journal["runner_id"].as_str()?.parse().ok())
}

/// Mount points below the folder, outer ones first.
fn mounts(folder: &Path) -> Result<Vec<String>> {
    let inside = format!("{}/", folder.display());
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split_whitespace().nth(4));
    Ok(points.map(|point| point.replace("\\040", " ")).filter(|point| point.starts_with(&inside)).collect())
}
