//! The Docker engine: is there one, install one, start one.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::mount::{MntFlags, umount2};

use crate::process::{command, installed, output, run, succeeds, wait_until};
use crate::progress::{note, step};

/// What sandboxes need of the host on Debian and Ubuntu: program and package.
const HOST_TOOLS: [(&str, &str); 2] = [("nft", "nftables"), ("conntrack", "conntrack")];
const ENGINE: [(&str, &str); 3] = [("dockerd", "docker.io"), ("docker", "docker.io"), ("iptables", "iptables")];
/// Where dockerd keeps everything.
const ROOT: &str = "/var/lib/docker";
const START_LIMIT: Duration = Duration::from_secs(60);

/// `docker` with arguments. The CLI honours DOCKER_HOST as the agents do.
pub fn docker<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    command("docker", args)
}

/// Whether an engine answers now.
pub fn answers() -> bool {
    installed("docker") && succeeds(&mut docker(["version", "--format", "{{.Server.Version}}"]))
}

/// Installs what is missing to hold sandboxes, saying so before; with the engine itself, unless one answers already.
pub fn install(engine_too: bool) -> Result<()> {
    let wanted = HOST_TOOLS.iter().chain(ENGINE.iter().filter(|_| engine_too));
    let mut missing: Vec<&str> =
        wanted.filter(|(program, _)| !installed(program)).map(|(_, package)| *package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    install_packages(&missing, "sandboxes are Docker containers behind a firewall of their own")
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
        // A machine that has just booted installs its updates.
        let patient = ["-o", "DPkg::Lock::Timeout=300"];
        run(command("apt-get", patient).args(["update", "-q"]))?;
        let mut install = command("apt-get", patient);
        install.args(["install", "-y", "-q", "--no-install-recommends"]);
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

/// After an engine of ours has ended. dockerd mounts its folder onto itself, and takes that down again unless it or one
/// before it was killed; then nobody would.
pub fn unmount_root() -> Result<()> {
    if !root_is_mounted()? || answers() {
        return Ok(());
    }
    umount2(ROOT, MntFlags::empty()).with_context(|| format!("cannot unmount {ROOT}"))
}

/// Whether the engine's folder is mounted onto itself. A disk of its own would be mounted with its root.
pub fn root_is_mounted() -> Result<bool> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let is_ours = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(3..5) == Some(&[ROOT, ROOT])
    };
    Ok(mounts.lines().any(is_ours))
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

/// Whether containers run in the engine, which is then somebody's. One that does not answer is nobody's.
pub fn is_used() -> Result<bool> {
    Ok(answers() && !output(&mut docker(["ps", "--quiet"]))?.is_empty())
}

/// Names of networks with a label `name=value`.
pub fn network_names(label: &str) -> Result<Vec<String>> {
    let filter = format!("label={label}");
    lines(output(&mut docker(["network", "ls", "--format", "{{.Name}}", "--filter", &filter]))?)
}

fn lines(text: String) -> Result<Vec<String>> {
    Ok(text.lines().map(str::to_owned).collect())
}
