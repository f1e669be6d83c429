//! The daemon's own environment variables, read once. The container has one environment, so that all but the
//! [`PRIVATE`] names may as well be the tenant's: an odd value there is no reason not to start.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tracing::level_filters::LevelFilter;

const PORT: &str = "PADDOCK_DAEMON_PORT";
const READY_SOCKET: &str = "PADDOCK_READY_SOCKET";
const LOG: &str = "DAYTONA_DAEMON_LOG_FILE_PATH";

/// Names that are the runner's word to the daemon: nobody may set them for a sandbox, whose processes do not get them.
pub const PRIVATE: [&str; 2] = [PORT, READY_SOCKET];

const DEFAULT_PORT: u16 = 2280;
/// Not where `TMPDIR` says: that is the tenant's word to programs, and may be a folder that does not exist.
const DEFAULT_LOG: &str = "/tmp/daytona-daemon.log";
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
    /// Default `daytona-daemon.log` in `/tmp`.
    pub path: PathBuf,
    /// `..._MAX_SIZE_MB`, in bytes.
    pub max_bytes: u64,
    /// `..._MAX_BACKUPS`.
    pub backups: u64,
}

impl Config {
    /// Reads the process environment.
    pub fn from_env() -> Result<Self> {
        Self::read(variable)
    }

    fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let port = match var(PORT) {
            Some(text) => text.parse::<u16>().with_context(|| format!("{PORT} is not a port: {text:?}"))?,
            None => DEFAULT_PORT,
        };
        Ok(Self {
            port,
            ready_socket: var(READY_SOCKET).map(PathBuf::from),
            home_as_work_dir: var("DAYTONA_USER_HOME_AS_WORKDIR").is_some_and(|value| value == "true"),
            log_level: var("LOG_LEVEL").and_then(|value| value.parse().ok()).unwrap_or(LevelFilter::INFO),
            log: LogConfig::read(var),
        })
    }
}

impl LogConfig {
    /// Reads the process environment. For init too, which logs before it knows whether the rest is right.
    pub fn from_env() -> Self {
        Self::read(variable)
    }

    fn read(var: impl Fn(&str) -> Option<String>) -> Self {
        let number = |limit: &str, default: u64| {
            var(&format!("{LOG}_{limit}")).and_then(|text| text.parse().ok()).unwrap_or(default)
        };
        Self {
            path: var(LOG).map_or_else(|| PathBuf::from(DEFAULT_LOG), PathBuf::from),
            max_bytes: number("MAX_SIZE_MB", DEFAULT_LOG_MIB).clamp(1, 1024) * 1024 * 1024,
            backups: number("MAX_BACKUPS", DEFAULT_LOG_BACKUPS).min(100),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn defaults() {
        let config = Config::read(|_| None).expect("no variable is required");
        assert_eq!(config.port, 2280);
        assert_eq!(config.log.path, Path::new("/tmp/daytona-daemon.log"));
        assert_eq!(config.log_level, LevelFilter::INFO);
    }

    #[test]
    fn a_wrong_port_is_told() {
        for wrong in ["x", "70000"] {
            let error = Config::read(|name| (name == PORT).then(|| wrong.to_owned())).expect_err("no port");
            assert!(error.to_string().contains("PADDOCK_DAEMON_PORT"), "{error}");
        }
    }

    #[test]
    fn tenants_cannot_break_the_start() {
        let config = Config::read(|name| (name != PORT).then(|| "-much".to_owned())).expect("starts");
        assert_eq!((config.log.max_bytes, config.log.backups), (10 * 1024 * 1024, 1));
        assert_eq!(config.log_level, LevelFilter::INFO);
        assert!(!config.home_as_work_dir);
    }
}
