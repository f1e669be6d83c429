//! What is on the machine beside what the table explains. Nothing of it should stay.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use crate::converge::Look;
use crate::docker;
use crate::processes::{self, Process};
use crate::stack::STACK;
use crate::table::{self, Item};

/// Networks that a runner may keep in advance after a burst of creates (`CEILING` of its `network/slots/demand.rs`).
const MOST_IN_STOCK: usize = 32;

/// Containers of the deployment, compared with the table.
#[derive(Debug, Default)]
pub struct Containers {
    /// Living sandboxes that have none, or several.
    pub not_one: Vec<String>,
    /// Sandboxes' containers that are nobody's.
    pub unexplained: Vec<String>,
    /// Pause containers that no sandbox uses.
    pub idle_networks: Vec<String>,
    /// How many of those may be in stock.
    pub stock: usize,
}

impl Containers {
    /// One container per sandbox, and no other sandbox's. Only when every sandbox on a runner has settled.
    pub async fn find(items: &[Item]) -> Result<Self> {
        let stock = processes::agents(STACK.state_dir()).len() * MOST_IN_STOCK;
        let (unexplained, idle_networks) = tokio::try_join!(of_this_stack("sandbox"), of_this_stack("pause"))?;
        let mut all = Self { not_one: Vec::new(), unexplained, idle_networks, stock };
        for (id, head) in table::live_heads(items) {
            let found = docker::containers(&id).await?;
            if found.len() == 1 {
                let network = docker::pause_of(&docker::inspect(&found[0]).await?).await?.id;
                all.idle_networks.retain(|container| *container != network);
            } else {
                let state = table::text(head, "state");
                all.not_one.push(format!("{state} sandbox {id} has {} containers", found.len()));
            }
            all.unexplained.retain(|container| !found.contains(container));
        }
        Ok(all)
    }

    /// Of networks no more than are in use or in stock.
    pub fn surplus_networks(&self) -> usize {
        self.idle_networks.len().saturating_sub(self.stock)
    }

    /// Whether they are as the table says.
    pub fn look(&self) -> Look<()> {
        let whole = self.not_one.is_empty() && self.unexplained.is_empty() && self.surplus_networks() == 0;
        if whole { Look::Done(()) } else { Look::NotYet(format!("{self:?}")) }
    }
}

/// Containers of a role. Other stacks on this machine have their own deployment.
async fn of_this_stack(role: &str) -> Result<Vec<String>> {
    let deployment = STACK.env.get("PADDOCK_DEPLOYMENT").context("the env file names the deployment")?;
    let [deployment, role] =
        [format!("label=dev.paddock.deployment={deployment}"), format!("label=dev.paddock.role={role}")];
    let listed = docker::docker(&["ps", "-aq", "--no-trunc", "--filter", &deployment, "--filter", &role]).await?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// Mount points of containers, whoever's, that no container has: file systems and network namespaces; and those in the
/// stack's folder.
pub async fn mounts() -> Result<Vec<String>> {
    let root = docker::docker(&["info", "--format", "{{.DockerRootDir}}"]).await?;
    let ids = docker::docker(&["ps", "-aq", "--no-trunc"]).await?;
    let mut known = BTreeSet::new();
    for id in ids.lines() {
        // Gone since it was listed.
        let Ok(container) = docker::inspect(id).await else { continue };
        let places =
            [&container.all["GraphDriver"]["Data"]["MergedDir"], &container.all["NetworkSettings"]["SandboxKey"]];
        known.extend(places.into_iter().filter_map(|place| place.as_str().map(base_name)));
        known.insert(format!("{id}/shm"));
    }
    let ours = [format!("{root}/overlay2/"), format!("{root}/containers/"), "/run/docker/netns/".to_owned()];
    let state = format!("{}/", STACK.state_dir().display());
    let is_left = |point: &String| {
        let of_a_container = ours.iter().any(|folder| point.starts_with(folder)) && !known.contains(&base_name(point));
        of_a_container || point.starts_with(&state)
    };
    Ok(mount_points()?.into_iter().filter(is_left).collect())
}

/// Processes that hold a container which the engine does not have (any more): a killed engine may leave them.
pub async fn shims() -> Result<Vec<String>> {
    let known = docker::docker(&["ps", "-aq", "--no-trunc"]).await?;
    let container = |process: &Process| {
        let program = process.exe.file_name()?.to_string_lossy().starts_with("containerd-shim");
        let mut arguments = process.arguments.iter().skip_while(|argument| *argument != "-id");
        arguments.nth(1).filter(|_| program).cloned()
    };
    let shims = processes::all().into_iter().filter_map(|process| Some((process.pid, container(&process)?)));
    let left = shims.filter(|(_, container)| !known.lines().any(|id| id == container));
    Ok(left.map(|(pid, container)| format!("{pid} of {container}")).collect())
}

/// The part of a mount point that names its container: `<layer>/merged`, `<container>/mounts/shm`, `<namespace>`.
fn base_name(point: &str) -> String {
    let point = point.trim_end_matches("/merged").replace("/mounts/shm", "/shm");
    let mut parts = point.rsplit('/');
    let last = parts.next().unwrap_or_default();
    if last == "shm" { format!("{}/shm", parts.next().unwrap_or_default()) } else { last.to_owned() }
}

fn mount_points() -> Result<Vec<String>> {
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split_whitespace().nth(4));
    let points = points.map(|point| point.replace("\\040", " ").replace("/var/run/", "/run/"));
    // The namespace of the host itself.
    Ok(points.filter(|point| !point.ends_with("/netns/default")).collect())
}

#[cfg(test)]
mod tests {
    use super::base_name;

    #[test]
    fn mount_points_name_their_containers() {
        assert_eq!(base_name("/var/lib/docker/overlay2/abc/merged"), "abc");
        assert_eq!(base_name("/var/lib/docker/containers/abc/mounts/shm"), "abc/shm");
        assert_eq!(base_name("/run/docker/netns/1234"), "1234");
    }
}
