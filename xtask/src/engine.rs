//! The Docker engine: is there one, install one, start one.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{command, installed, output, run, succeeds, wait_until};
use crate::progress::{note, step};

/// What an engine needs on Debian and Ubuntu; crun starts containers faster than runc where the host allows it.
const PACKAGES: [&str; 3] = ["docker.io", "iptables", "nftables"];
const START_LIMIT: Duration = Duration::from_secs(60);

/// `docker` with arguments. The CLI honours DOCKER_HOST as the agents do.
pub fn docker<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    command("docker", args)
}

/// Whether an engine answers now.
pub fn answers() -> bool {
    installed("docker") && succeeds(&mut docker(["version", "--format", "{{.Server.Version}}"]))
}

/// Installs what is missing to run an engine, saying so before.
pub fn install() -> Result<()> {
    let missing: Vec<&str> =
        [("dockerd", "docker.io"), ("docker", "docker.io"), ("iptables", "iptables"), ("nft", "nftables")]
            .iter()
            .filter(|(program, _)| !installed(program))
            .map(|(_, package)| *package)
            .collect();
    if missing.is_empty() {
        return Ok(());
    }
    install_packages(&PACKAGES, "sandboxes are Docker containers")
}

/// Debian packages, where we may install them; else the exact words to type.
pub fn install_packages(packages: &[&str], reason: &str) -> Result<()> {
    let list = packages.join(" ");
    let by_hand = format!("apt-get update && apt-get install -y --no-install-recommends {list}");
    if !nix::unistd::geteuid().is_root() {
        bail!("{list} must be installed ({reason}), and this user may not. Run:\n    sudo sh -c '{by_hand}'");
    }
    if !installed("apt-get") {
        bail!("{list} must be installed ({reason}). There is no apt-get here; on Debian it would be:\n    {by_hand}");
    }
    note(&format!("Installing {list} with apt-get: {reason}."));
    step("Installing packages", || {
        run(&mut command("apt-get", ["update", "-q"]))?;
        let mut install = command("apt-get", ["install", "-y", "-q", "--no-install-recommends"]);
        run(install.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
            .with_context(|| format!("run it yourself to see more:\n    {by_hand}"))
    })
}

/// The program that is an engine, with its arguments. Live-restore: containers outlive the engine.
pub fn daemon() -> Command {
    let mut daemon = command("dockerd", ["--live-restore"]);
    let path = std::env::var("PATH").unwrap_or_default();
    daemon.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    daemon
}

/// Waits until the engine answers; `alive` says whether waiting makes sense.
pub fn wait_until_it_answers(alive: impl Fn() -> bool) -> Result<()> {
    wait_until("dockerd answers", START_LIMIT, || {
        if !alive() {
            bail!("dockerd ended");
        }
        Ok(answers())
    })
}

/// Whether the image is in the engine.
pub fn has_image(tag: &str) -> bool {
    succeeds(&mut docker(["image", "inspect", tag]))
}

/// Ids of containers, running or not, with a label `name=value`.
pub fn containers(label: &str) -> Result<Vec<String>> {
    let filter = format!("label={label}");
    lines(output(&mut docker(["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]))?)
}

/// Ids of all running containers.
pub fn running_containers() -> Result<Vec<String>> {
    lines(output(&mut docker(["ps", "--quiet", "--no-trunc"]))?)
}

/// Names of networks with a label `name=value`.
pub fn network_names(label: &str) -> Result<Vec<String>> {
    let filter = format!("label={label}");
    lines(output(&mut docker(["network", "ls", "--format", "{{.Name}}", "--filter", &filter]))?)
}

fn lines(text: String) -> Result<Vec<String>> {
    Ok(text.lines().map(str::to_owned).collect())
}
