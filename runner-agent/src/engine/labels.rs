//! What is written on containers and networks. `xtask down --wipe` finds them by these labels.

use std::{collections::HashMap, net::Ipv4Addr, str::FromStr};

use uuid::Uuid;

/// Deployment that a container or network belongs to.
pub const DEPLOYMENT: &str = "dev.paddock.deployment";
/// Runner that a container or network belongs to.
pub const RUNNER: &str = "dev.paddock.runner";
/// Sandbox id.
pub const SANDBOX: &str = "dev.paddock.sandbox";
/// Placement counter.
pub const EPOCH: &str = "dev.paddock.epoch";
/// `sandbox`, `pause` or `still`.
pub const ROLE: &str = "dev.paddock.role";
/// Id of the pause container whose network a sandbox uses.
pub const PAUSE: &str = "dev.paddock.pause";
/// Address on the runner's network.
pub const ADDRESS: &str = "dev.paddock.address";
/// `cpu/memory/disk`.
pub const SIZE: &str = "dev.paddock.size";
/// SHA-256 of the environment the container was made with.
pub const ENV: &str = "dev.paddock.env";

/// What a container is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Holds a network namespace.
    Pause,
    /// Shows the files of an image for a moment.
    Still,
    /// Holds a user's files.
    Sandbox(SandboxLabels),
}

/// What is written on a sandbox's container: enough to adopt it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxLabels {
    /// Sandbox id.
    pub sandbox: Uuid,
    /// Placement counter.
    pub epoch: u64,
    /// Id of the pause container.
    pub pause: String,
    /// What it takes.
    pub size: Size,
    /// SHA-256 hex of the environment it was made with.
    pub env_digest: String,
}

/// What a sandbox takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Whole CPUs.
    pub cpu: u32,
    /// GiB.
    pub memory_gib: u32,
    /// GiB.
    pub disk_gib: u32,
}

/// All that is written on a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Deployment.
    pub deployment: String,
    /// Runner.
    pub runner: String,
    /// Address on the runner's network.
    pub address: Ipv4Addr,
    /// What it is for.
    pub role: Role,
}

impl Labels {
    /// As the engine stores them.
    #[must_use]
    pub fn to_map(&self) -> HashMap<String, String> {
        let Self { deployment, runner, address, role } = self;
        let mut pairs =
            vec![(DEPLOYMENT, deployment.clone()), (RUNNER, runner.clone()), (ADDRESS, address.to_string())];
        match role {
            Role::Pause => pairs.push((ROLE, "pause".to_owned())),
            Role::Still => pairs.push((ROLE, "still".to_owned())),
            Role::Sandbox(SandboxLabels { sandbox, epoch, pause, size, env_digest }) => {
                let Size { cpu, memory_gib, disk_gib } = size;
                pairs.extend([
                    (ROLE, "sandbox".to_owned()),
                    (SANDBOX, sandbox.to_string()),
                    (EPOCH, epoch.to_string()),
                    (PAUSE, pause.clone()),
                    (SIZE, format!("{cpu}/{memory_gib}/{disk_gib}")),
                    (ENV, env_digest.clone()),
                ]);
            }
        }
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// None when they are not ours, or of a layout that this version does not know: such a container is left alone.
    #[must_use]
    pub fn from_map(map: &HashMap<String, String>) -> Option<Self> {
        let role = match map.get(ROLE)?.as_str() {
            "pause" => Role::Pause,
            "still" => Role::Still,
            "sandbox" => Role::Sandbox(SandboxLabels {
                sandbox: parse(map, SANDBOX)?,
                epoch: parse(map, EPOCH)?,
                pause: map.get(PAUSE)?.clone(),
                size: Size::parse(map.get(SIZE)?)?,
                env_digest: map.get(ENV)?.clone(),
            }),
            _ => return None,
        };
        Some(Self {
            deployment: map.get(DEPLOYMENT)?.clone(),
            runner: map.get(RUNNER)?.clone(),
            address: parse(map, ADDRESS)?,
            role,
        })
    }

    /// They are of this deployment's runner. Names are unique on the engine, not ours: runners may share one.
    #[must_use]
    pub fn are_of(&self, deployment: &str, runner: &str) -> bool {
        self.deployment == deployment && self.runner == runner
    }

    /// The sandbox part, on a sandbox's container.
    #[must_use]
    pub fn sandbox(&self) -> Option<&SandboxLabels> {
        match &self.role {
            Role::Sandbox(labels) => Some(labels),
            Role::Pause | Role::Still => None,
        }
    }
}

impl Size {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(|part| part.parse().ok());
        let size = Self { cpu: parts.next()??, memory_gib: parts.next()??, disk_gib: parts.next()?? };
        parts.next().is_none().then_some(size)
    }
}

/// Name of a sandbox's container.
#[must_use]
pub fn container_name(sandbox: Uuid) -> String {
    format!("paddock-{sandbox}")
}

/// While its first files are on their way: what has this name was never whole, and nothing starts it.
#[must_use]
pub fn restoring_name(sandbox: Uuid) -> String {
    format!("{}-restoring", container_name(sandbox))
}

/// Name of the pause container of a sandbox; before it has a sandbox the same form with a random id.
#[must_use]
pub fn pause_name(id: Uuid) -> String {
    format!("paddock-{id}-net")
}

/// Name of a container that shows an image's files for a capture.
#[must_use]
pub fn still_name(capture: Uuid) -> String {
    format!("paddock-{capture}-still")
}

/// Name of a container whose placement was lost while another of the same sandbox is made.
#[must_use]
pub fn lost_name(sandbox: Uuid, epoch: u64) -> String {
    format!("paddock-{sandbox}-lost-{epoch}")
}

fn parse<T: FromStr>(map: &HashMap<String, String>, key: &str) -> Option<T> {
    map.get(key)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_survive_the_engine() {
        let sandbox = Role::Sandbox(SandboxLabels {
            sandbox: Uuid::new_v4(),
            epoch: 7,
            pause: "abc".to_owned(),
            size: Size { cpu: 1, memory_gib: 2, disk_gib: 3 },
            env_digest: "00ff".to_owned(),
        });
        for role in [Role::Pause, Role::Still, sandbox] {
            let labels = Labels {
                deployment: "d".to_owned(),
                runner: "r".to_owned(),
                address: Ipv4Addr::new(10, 1, 2, 3),
                role,
            };
            assert_eq!(Labels::from_map(&labels.to_map()), Some(labels));
        }
    }

    #[test]
    fn a_label_that_cannot_be_read_makes_the_container_a_stranger() {
        let labels = Labels {
            deployment: "d".to_owned(),
            runner: "r".to_owned(),
            address: Ipv4Addr::new(10, 1, 2, 3),
            role: Role::Pause,
        };
        for (key, value) in [(ROLE, "king"), (ADDRESS, "everywhere")] {
            let mut map = labels.to_map();
            map.insert(key.to_owned(), value.to_owned());
            assert_eq!(Labels::from_map(&map), None);
            map.remove(key);
            assert_eq!(Labels::from_map(&map), None);
        }
    }
}
