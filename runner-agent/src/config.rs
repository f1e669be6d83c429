//! The environment, read once; everything that is missing or unreadable is reported together.

use std::{
    collections::BTreeSet,
    fmt::Display,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use ipnet::Ipv4Net;
use paddock_wire::agents::Role;

use crate::edge::{EdgeSettings, caller::AllowedOrigins};

/// What is wrong with the environment, all of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("environment: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// Everything that the environment decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// `PADDOCK_AGENTS_URL`: `{api origin}/agents`.
    pub agents_url: String,
    /// `PADDOCK_JOIN_TOKEN`.
    pub join_token: String,
    /// `PADDOCK_ROLE`: edge, runner or both.
    pub role: Role,
    /// `PADDOCK_REGION`.
    pub region: String,
    /// `PADDOCK_RUNNER_NAME`.
    pub name: String,
    /// `PADDOCK_STATE_DIR`: journal, sandbox files, sockets.
    pub state_dir: PathBuf,
    /// `PADDOCK_RELAY_URL`: where other edges reach our relay door.
    pub relay_url: String,
    /// `PADDOCK_EDGE_LISTEN`, for roles edge and both: an address, or a name and all its addresses.
    pub edge_listen: Option<ListenAddresses>,
    /// `PADDOCK_RELAY_LISTEN`, for roles runner and both.
    pub relay_listen: Option<SocketAddr>,
    /// `PADDOCK_ALLOWED_ORIGINS` (WebSockets of browsers, comma separated) and `PADDOCK_GATE_SECONDS` (30).
    pub edge: EdgeSettings,
    /// For roles runner and both.
    pub runner: Option<RunnerConfig>,
}

/// Where to listen: each address of a name, so that a client that tries only one of `localhost`'s is not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddresses(pub BTreeSet<SocketAddr>);

impl FromStr for ListenAddresses {
    type Err = std::io::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_socket_addrs()?.collect()))
    }
}

/// What only a holder of sandboxes needs.
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// `PADDOCK_ENGINE`: docker (default) or fake.
    pub engine: EngineKind,
    /// `PADDOCK_DAEMON`: the static daemon on this machine.
    pub daemon: PathBuf,
    /// `DOCKER_HOST`.
    pub docker_host: String,
    /// `PADDOCK_CPU_OVERCOMMIT`: sandbox CPUs sold per real one.
    pub cpu_overcommit: u32,
    /// `PADDOCK_PAUSE_POOL`: networks made in advance (4); more while many are taken at once.
    pub pause_pool: usize,
    /// `PADDOCK_PAUSE_IMAGE`: use this image instead of importing one from the daemon.
    pub pause_image: Option<String>,
    /// `PADDOCK_SUBNET`: addresses of sandboxes; chosen among free ones when absent.
    pub subnet: Option<Ipv4Net>,
}

/// Which container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// Docker by its API.
    Docker,
    /// The behaving fake: sandboxes without containers, for tests of the control path.
    Fake,
}

impl Config {
    /// Reads the process environment.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|key| std::env::var(key).ok())
    }

    /// Reads from any source of variables.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut source = Source { lookup, wrong: Vec::new() };
        let role =
            source.choice("PADDOCK_ROLE", &[("edge", Role::Edge), ("runner", Role::Runner), ("both", Role::Both)]);
        let holds = role != Some(Role::Edge);
        let answers = role != Some(Role::Runner);
        let config = (
            source.required::<String>("PADDOCK_AGENTS_URL"),
            source.required::<String>("PADDOCK_JOIN_TOKEN"),
            source.required::<String>("PADDOCK_REGION"),
            source.required::<String>("PADDOCK_RUNNER_NAME"),
            source.required::<PathBuf>("PADDOCK_STATE_DIR"),
            source.required::<String>("PADDOCK_RELAY_URL"),
        );
        let edge_listen = if answers { source.required("PADDOCK_EDGE_LISTEN") } else { None };
        let relay_listen = if holds { source.required("PADDOCK_RELAY_LISTEN") } else { None };
        let edge = edge_settings(&mut source);
        let runner = if holds { RunnerConfig::read(&mut source) } else { None };
        match (role, config) {
            (
                Some(role),
                (Some(agents_url), Some(join_token), Some(region), Some(name), Some(state_dir), Some(relay_url)),
            ) if source.wrong.is_empty() => Ok(Self {
                agents_url,
                join_token,
                role,
                region,
                name,
                state_dir,
                relay_url,
                edge_listen,
                relay_listen,
                edge,
                runner,
            }),
            _ => Err(ConfigError(source.wrong)),
        }
    }
}

fn edge_settings<L: Fn(&str) -> Option<String>>(source: &mut Source<L>) -> EdgeSettings {
    let mut settings = EdgeSettings::default();
    if let Some(list) = source.optional::<String>("PADDOCK_ALLOWED_ORIGINS") {
        settings.origins = AllowedOrigins::parse(&list);
    }
    if let Some(seconds) = source.optional("PADDOCK_GATE_SECONDS") {
        settings.gate_bound = Duration::from_secs(seconds);
    }
    settings
}

impl RunnerConfig {
    fn read<L: Fn(&str) -> Option<String>>(source: &mut Source<L>) -> Option<Self> {
        let engine =
            source.optional_choice("PADDOCK_ENGINE", &[("docker", EngineKind::Docker), ("fake", EngineKind::Fake)]);
        let daemon = source.required("PADDOCK_DAEMON");
        let docker_host = source.optional("DOCKER_HOST");
        let cpu_overcommit = source.optional("PADDOCK_CPU_OVERCOMMIT");
        let pause_pool = source.optional("PADDOCK_PAUSE_POOL");
        let pause_image = source.optional("PADDOCK_PAUSE_IMAGE");
        let subnet = source.optional("PADDOCK_SUBNET");
        Some(Self {
            engine: engine.unwrap_or(EngineKind::Docker),
            daemon: daemon?,
            docker_host: docker_host.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned()),
            // Sandboxes idle most of their life; memory is the resource that is never oversold.
            cpu_overcommit: cpu_overcommit.unwrap_or(16),
            pause_pool: pause_pool.unwrap_or(4),
            pause_image,
            subnet,
        })
    }
}

/// Reads variables and remembers what was wrong.
struct Source<L> {
    lookup: L,
    wrong: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Source<L> {
    fn required<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        match (self.lookup)(key).filter(|value| !value.is_empty()) {
            Some(value) => self.parse(key, &value),
            None => {
                self.wrong.push(format!("{key} is missing"));
                None
            }
        }
    }

    fn optional<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        let value = (self.lookup)(key).filter(|value| !value.is_empty())?;
        self.parse(key, &value)
    }

    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text: String = self.required(key)?;
        self.choose(key, &text, choices)
    }

    fn optional_choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text: String = self.optional(key)?;
        self.choose(key, &text, choices)
    }

    fn choose<T: Copy>(&mut self, key: &str, text: &str, choices: &[(&str, T)]) -> Option<T> {
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if chosen.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.wrong.push(format!("{key} is {text:?}, not one of {}", names.join(", ")));
        }
        chosen
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, key: &str, value: &str) -> Option<T> {
        value.parse().map_err(|error| self.wrong.push(format!("{key} cannot be read: {error}"))).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn full() -> HashMap<&'static str, &'static str> {
        HashMap::from([
            ("PADDOCK_AGENTS_URL", "http://localhost:3000/agents"),
            ("PADDOCK_JOIN_TOKEN", "secret"),
            ("PADDOCK_ROLE", "both"),
            ("PADDOCK_REGION", "local"),
            ("PADDOCK_RUNNER_NAME", "runner-1"),
            ("PADDOCK_STATE_DIR", "/tmp/paddock"),
            ("PADDOCK_RELAY_URL", "http://127.0.0.1:4100"),
            ("PADDOCK_EDGE_LISTEN", "127.0.0.1:4000"),
            ("PADDOCK_RELAY_LISTEN", "127.0.0.1:4100"),
            ("PADDOCK_DAEMON", "/opt/daemon"),
        ])
    }

    fn read(env: &HashMap<&str, &str>) -> Result<Config, ConfigError> {
        Config::read(|key| env.get(key).map(ToString::to_string))
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let ConfigError(wrong) = read(&HashMap::new()).unwrap_err();
        for key in full().keys() {
            assert!(wrong.iter().any(|text| text.starts_with(key)), "{key} is not named in {wrong:?}");
        }
    }

    #[test]
    fn roles_need_only_their_own() {
        let mut env = full();
        env.insert("PADDOCK_ROLE", "edge");
        env.remove("PADDOCK_DAEMON");
        env.remove("PADDOCK_RELAY_LISTEN");
        let config = read(&env).unwrap();
        assert!(config.runner.is_none() && config.edge_listen.is_some());
    }

    #[test]
    fn unreadable_values_are_errors_not_defaults() {
        let mut env = full();
        env.insert("PADDOCK_CPU_OVERCOMMIT", "many");
        env.insert("PADDOCK_ENGINE", "podman");
        env.insert("PADDOCK_EDGE_LISTEN", "4000");
        let ConfigError(wrong) = read(&env).unwrap_err();
        assert_eq!(wrong.len(), 3, "{wrong:?}");
    }
}
