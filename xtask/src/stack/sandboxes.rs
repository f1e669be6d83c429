//! What a deployment leaves in the machine outside of its processes: containers, networks, firewall tables, mounts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, umount2};

use super::secrets::Secrets;
use crate::engine::{containers, docker, networks};
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
        let ids = networks(&label)?;
        if !ids.is_empty() {
            run(docker(["network", "rm"]).args(&ids))?;
        }
        for table in tables(secrets)? {
            let words: Vec<&str> = table.split_whitespace().collect();
            run(command("nft", ["delete", "table"]).args(words))?;
        }
    }
    // The innermost first.
    for mount in mounts(state.path())?.iter().rev() {
        umount2(mount.as_str(), MntFlags::MNT_DETACH).with_context(|| format!("cannot unmount {mount}"))?;
    }
    Ok(())
}

/// What is still there of a deployment, in words; empty after a wipe.
pub fn remains(state: &StateDir, secrets: Option<&Secrets>) -> Result<Vec<String>> {
    let mut remains = Vec::new();
    if let Some(secrets) = secrets {
        let label = label(secrets);
        remains.extend(containers(&label)?.into_iter().map(|id| format!("container {id}")));
        remains.extend(networks(&label)?.into_iter().map(|id| format!("network {id}")));
        remains.extend(tables(secrets)?.into_iter().map(|table| format!("nft table {table}")));
    }
    remains.extend(mounts(state.path())?.into_iter().map(|mount| format!("mount {mount}")));
    Ok(remains)
}

fn label(secrets: &Secrets) -> String {
    format!("dev.paddock.deployment={}", secrets.deployment)
}

/// Firewall tables carry the deployment's first eight hex digits in their name: `inet paddock_<8 hex>…`.
fn tables(secrets: &Secrets) -> Result<Vec<String>> {
    if !installed("nft") {
        return Ok(Vec::new());
    }
    let short = secrets.deployment.simple().to_string()[..8].to_owned();
    let listing = output(&mut command("nft", ["list", "tables"]))?;
    let tables = listing.lines().filter_map(|line| line.strip_prefix("table "));
    Ok(tables.filter(|table| table.contains("paddock") && table.contains(&short)).map(str::to_owned).collect())
}

/// Mount points below the folder, outer ones first.
fn mounts(folder: &Path) -> Result<Vec<String>> {
    let inside = format!("{}/", folder.display());
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split_whitespace().nth(4));
    Ok(points.map(|point| point.replace("\\040", " ")).filter(|point| point.starts_with(&inside)).collect())
}
