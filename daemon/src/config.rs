//! The daemon's own environment variables, read once; wrong ones are reported together.

use std::path::PathBuf;

use anyhow::{Result, bail};
use tracing::level_filters::LevelFilter;

const DEFAULT_PORT: u16 = 2280;
const DEFAULT_LOG_MIB: u64 = 10;
const DEFAULT_LOG_BACKUPS: u64 = 1;

/// How this daemon runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// `PADDOCK_DAEMON_PORT`.
    pub port: u16,
    /// `PADDOCK_READY_SOCKET`: whom to tell that we listen.
    pub ready_socket: Option<PathBuf>,
    /// `DAYTONA_USER_HOME_AS_WORKDIR`: the image has no WORKDIR.
    pub home_as_work_dir: bool,
    /// `LOG_LEVEL`.
    pub log_level: LevelFilter,
    /// The bounded log.
    pub log: LogConfig,
}

/// `DAYTONA_DAEMON_LOG_FILE_PATH` and its limits.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Default `daytona-daemon.log` in the temp directory.
    pub path: PathBuf,
    /// `..._MAX_SIZE_MB`, in bytes.
    pub max_bytes: u64,
    /// `..._MAX_BACKUPS`.
    pub backups: u64,
}

/// Names that are the runner's word to the daemon; a tenant's processes do not get them.
pub const PRIVATE_PREFIX: &str = "PADDOCK_";

impl Config {
    /// Reads the process environment.
    pub fn from_env() -> Result<Self> {
        Self::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut wrong = Vec::new();
        let port = number(&var, "PADDOCK_DAEMON_PORT", u64::from(DEFAULT_PORT), &mut wrong);
        let port = u16::try_from(port).unwrap_or_else(|_| {
            wrong.push("PADDOCK_DAEMON_PORT".to_owned());
            DEFAULT_PORT
        });
        let log = log_config(&var, &mut wrong);
        if !wrong.is_empty() {
            bail!("not a usable number: {}", wrong.join(", "));
        }
        Ok(Self {
            port,
            ready_socket: var("PADDOCK_READY_SOCKET").map(PathBuf::from),
            home_as_work_dir: var("DAYTONA_USER_HOME_AS_WORKDIR").is_some_and(|value| value == "true"),
            // A tenant may set LOG_LEVEL for a program of theirs: an odd value is no reason not to start.
            log_level: var("LOG_LEVEL").and_then(|value| value.parse().ok()).unwrap_or(LevelFilter::INFO),
            log,
        })
    }
}

impl LogConfig {
    /// For init, which must come up whatever the rest of the environment says.
    pub fn from_env_or_default() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        log_config(&var, &mut Vec::new())
    }
}

fn log_config(var: &impl Fn(&str) -> Option<String>, wrong: &mut Vec<String>) -> LogConfig {
    const NAME: &str = "DAYTONA_DAEMON_LOG_FILE_PATH";
    let mebibytes = number(var, &format!("{NAME}_MAX_SIZE_MB"), DEFAULT_LOG_MIB, wrong);
    LogConfig {
        path: var(NAME).map_or_else(|| std::env::temp_dir().join("daytona-daemon.log"), PathBuf::from),
        max_bytes: mebibytes.clamp(1, 1024) * 1024 * 1024,
        backups: number(var, &format!("{NAME}_MAX_BACKUPS"), DEFAULT_LOG_BACKUPS, wrong).min(100),
    }
}

fn number(var: &impl Fn(&str) -> Option<String>, name: &str, default: u64, wrong: &mut Vec<String>) -> u64 {
    match var(name).map(|text| text.parse()) {
        None => default,
        Some(Ok(value)) => value,
        Some(Err(_)) => {
            wrong.push(name.to_owned());
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults() {
        let config = Config::read(|_| None).expect("no variable is required");
        assert_eq!(config.port, 2280);
        assert!(config.log.path.ends_with("daytona-daemon.log"));
        assert_eq!(config.log_level, LevelFilter::INFO);
    }

    #[test]
    fn all_wrong_values_in_one_error() {
        let error = Config::read(|name| {
            name.starts_with("PADDOCK_DAEMON")
                .then(|| "x".to_owned())
                .or_else(|| name.ends_with("_MAX_SIZE_MB").then(|| "much".to_owned()))
        })
        .expect_err("two wrong numbers")
        .to_string();
        assert!(error.contains("PADDOCK_DAEMON_PORT") && error.contains("_MAX_SIZE_MB"), "{error}");
        assert!(Config::read(|name| (name == "PADDOCK_DAEMON_PORT").then(|| "70000".to_owned())).is_err());
    }
}
