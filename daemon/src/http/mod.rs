//! Front doors. A handler extracts, calls one engine, answers; nothing else happens here.
//!
//! * [`router`] all routes in URL order
//! * [`error`] the one mapping from engine errors to status, code and body
//! * [`extract`] query and JSON with the wire's errors, bodies read to their end
//! * [`sdk_version`] whose age some answers depend on
//! * [`websocket`], [`subprotocol`] what all WebSockets have in common
//! * [`stream`] answers that are written piece by piece
//! * [`info`], [`process`], [`files`], [`git`], [`lsp`], [`ports`] handlers, one module per URL

pub mod error;
pub mod extract;
pub mod files;
pub mod git;
pub mod info;
pub mod lsp;
pub mod ports;
pub mod process;
pub mod router;
pub mod sdk_version;
pub mod stream;
pub mod subprotocol;
pub mod websocket;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use nix::unistd::getuid;

use self::stream::Walks;
use crate::accounts;
use crate::config::Config;
use crate::environment::Environment;
use crate::files::{FileResult, place};
use crate::git::Git;
use crate::interpreter::{Interpreters, Patience};
use crate::lsp::LanguageServers;
use crate::metrics::Metrics;
use crate::process::Processes;
use crate::pty::Terminals;
use crate::session::Sessions;

/// What handlers share.
#[derive(Debug)]
pub struct Daemon {
    /// The sandbox's variables.
    pub environment: Arc<Environment>,
    /// Runs commands.
    pub processes: Processes,
    /// Long-lived shells.
    pub sessions: Sessions,
    /// Shells on pseudo terminals.
    pub terminals: Terminals,
    /// Runs git.
    pub git: Git,
    /// Python that keeps its state.
    pub interpreters: Interpreters,
    /// What knows the languages of projects.
    pub language_servers: LanguageServers,
    /// Where commands start and relative paths begin.
    pub work_dir: PathBuf,
    /// Of the user the daemon runs as.
    pub home: PathBuf,
    /// CPU, memory, disk.
    pub metrics: Metrics,
    /// Whose turn it is to walk through files.
    pub walks: Walks,
}

impl Daemon {
    /// Looks at the container it was started in.
    pub fn start(config: &Config, environment: Environment) -> Result<Self> {
        let home = home();
        let work_dir = if config.home_as_work_dir {
            home.clone()
        } else {
            std::env::current_dir().context("finding the work directory")?
        };
        Ok(Self::in_dirs(work_dir, home, environment))
    }

    /// A caller's path.
    pub fn resolve(&self, path: &str) -> FileResult<PathBuf> {
        place::resolve(&self.work_dir, path)
    }

    /// A caller's path to a file that may not exist yet.
    pub fn resolve_file(&self, path: &str) -> FileResult<PathBuf> {
        place::resolve_file(&self.work_dir, path)
    }

    /// With these directories and variables.
    pub fn in_dirs(work_dir: PathBuf, home: PathBuf, environment: Environment) -> Self {
        let environment = Arc::new(environment);
        Self {
            processes: Processes::new(Arc::clone(&environment), work_dir.clone()),
            sessions: Sessions::new(Arc::clone(&environment), work_dir.clone(), home.clone()),
            terminals: Terminals::new(Arc::clone(&environment), work_dir.clone()),
            git: Git::new(Arc::clone(&environment), work_dir.clone(), home.clone()),
            interpreters: Interpreters::new(Arc::clone(&environment), work_dir.clone(), Patience::default()),
            language_servers: LanguageServers::new(Arc::clone(&environment), work_dir.clone()),
            metrics: Metrics::start(work_dir.clone()),
            walks: Walks::default(),
            environment,
            work_dir,
            home,
        }
    }
}

/// `$HOME`, which Docker sets from the image's accounts, else the account's.
fn home() -> PathBuf {
    std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute())
        .or_else(|| accounts::home_of(getuid().as_raw()).map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("/"))
}
