//! Engine: terminals. A terminal is a shell on a pseudo terminal, to which any number of clients are attached: all see its output
//! from when they came, and each may type.
//!
//! * [`device`] the pseudo terminal and its shell
//! * [`terminal`] one terminal, from its creation to the end of its shell
//! * [`clients`] who is attached, and what happens to those that do not keep up
//!
//! A terminal whose shell ended is gone: its clients were told how it ended, and its name is free.

mod clients;
mod device;
mod terminal;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use thiserror::Error;
use tokio::task::spawn_blocking;

pub use self::clients::{Attachment, Parting};
use self::terminal::Plan;
pub use self::terminal::{Exit, Terminal};
use crate::environment::{BadVariable, Environment};
use crate::files::{FileError, place};
use crate::lock::lock;

const LONGEST_ID: usize = 255;
const LARGEST: u16 = 1000;
const TERM: &str = "TERM";
const DEFAULT_TERM: &str = "xterm-256color";

/// All terminals of the sandbox.
#[derive(Debug)]
pub struct Terminals {
    environment: Arc<Environment>,
    work_dir: PathBuf,
    open: Register,
}

type Register = Arc<Mutex<BTreeMap<String, Arc<Terminal>>>>;

/// In characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub cols: u16,
    pub rows: u16,
}

/// A terminal that is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    pub id: String,
    pub cwd: Option<String>,
    pub envs: BTreeMap<String, String>,
    pub size: Size,
    /// The shell starts with the first client.
    pub lazy_start: bool,
}

/// Why not.
#[derive(Debug, Error)]
pub enum PtyError {
    #[error("PTY session ID is required")]
    NoId,
    #[error("PTY session ID is longer than {LONGEST_ID} bytes")]
    LongId,
    #[error("cols and rows must be between 1 and {LARGEST}")]
    Size,
    #[error("PTY session {0} already exists")]
    Exists(String),
    #[error("PTY session {0} not found")]
    NotFound(String),
    #[error(transparent)]
    Variable(#[from] BadVariable),
    #[error(transparent)]
    Directory(#[from] FileError),
    #[error("{0}")]
    Internal(String),
}

/// What this engine returns.
pub type PtyResult<T> = Result<T, PtyError>;

impl Size {
    /// What a terminal can have.
    pub fn new(cols: i64, rows: i64) -> PtyResult<Self> {
        let side = |length: i64| {
            let length = u16::try_from(length).ok().filter(|length| (1..=LARGEST).contains(length));
            length.ok_or(PtyError::Size)
        };
        Ok(Self { cols: side(cols)?, rows: side(rows)? })
    }

    /// 80 and 24 where nothing is said.
    pub fn or_default(cols: Option<i64>, rows: Option<i64>) -> PtyResult<Self> {
        let said = |length: Option<i64>, default| length.filter(|length| *length != 0).unwrap_or(default);
        Self::new(said(cols, 80), said(rows, 24))
    }
}

impl Terminals {
    /// None yet.
    pub fn new(environment: Arc<Environment>, work_dir: PathBuf) -> Self {
        Self { environment, work_dir, open: Register::default() }
    }

    /// One more. Its shell runs, unless it waits for its first client.
    pub async fn create(&self, request: Request) -> PtyResult<()> {
        let is_lazy = request.lazy_start;
        let terminal = self.register(request).await?;
        if is_lazy { Ok(()) } else { self.blocking(move |open| terminal.start(&open)).await }
    }

    /// One more, with a client who misses nothing.
    pub async fn create_attached(&self, request: Request) -> PtyResult<Attachment> {
        let terminal = self.register(request).await?;
        self.blocking(move |open| terminal.attach(&open)).await
    }

    /// One more client.
    pub async fn attach(&self, id: &str) -> PtyResult<Attachment> {
        let terminal = self.get(id)?;
        self.blocking(move |open| terminal.attach(&open)).await
    }

    /// By name.
    pub fn list(&self) -> Vec<Arc<Terminal>> {
        lock(&self.open).values().cloned().collect()
    }

    /// One that has not ended.
    pub fn get(&self, id: &str) -> PtyResult<Arc<Terminal>> {
        lock(&self.open).get(id).cloned().ok_or_else(|| PtyError::NotFound(id.to_owned()))
    }

    /// Ends it with all that came of it; returns when its clients were told.
    pub async fn kill(&self, id: &str) -> PtyResult<()> {
        let (terminal, open) = (self.get(id)?, Arc::clone(&self.open));
        // A task of its own: a caller who hangs up does not keep half of it alive.
        let killing = tokio::spawn(async move { terminal.kill(&open).await });
        killing.await.map_err(|error| PtyError::Internal(error.to_string()))
    }

    async fn register(&self, request: Request) -> PtyResult<Arc<Terminal>> {
        let Request { id, cwd, envs, size, lazy_start } = request;
        match id.len() {
            0 => return Err(PtyError::NoId),
            1..=LONGEST_ID => {}
            _ => return Err(PtyError::LongId),
        }
        let mut environment = self.environment.with(&envs)?;
        environment.entry(OsStr::new(TERM).to_owned()).or_insert_with(|| DEFAULT_TERM.into());
        let directory = match cwd.filter(|cwd| !cwd.is_empty()) {
            Some(cwd) => place::resolve(&self.work_dir, &cwd)?,
            None => self.work_dir.clone(),
        };
        let place = directory.clone();
        self.blocking(move |_| match std::fs::metadata(&place) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(FileError::Path(place.display().to_string(), "not a directory").into()),
            Err(error) => Err(FileError::Path(place.display().to_string(), no_directory(&error)).into()),
        })
        .await?;
        let terminal = Arc::new(Terminal::new(id.clone(), envs, size, lazy_start, Plan { directory, environment }));
        let mut open = lock(&self.open);
        if open.contains_key(&id) {
            return Err(PtyError::Exists(id));
        }
        open.insert(id, Arc::clone(&terminal));
        Ok(terminal)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Register) -> PtyResult<T> + Send + 'static,
    ) -> PtyResult<T> {
        let open = Arc::clone(&self.open);
        spawn_blocking(move || work(open)).await.map_err(|error| PtyError::Internal(error.to_string()))?
    }
}

fn no_directory(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied",
        _ => "no such directory",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(Size::or_default(None, Some(0)).expect("default"), Size { cols: 80, rows: 24 });
        assert_eq!(Size::or_default(Some(1000), Some(1)).expect("allowed"), Size { cols: 1000, rows: 1 });
        for (cols, rows) in [(1001, 1), (1, 1001), (-1, 1), (0, 1), (65536 + 80, 24)] {
            assert!(Size::new(cols, rows).is_err(), "{cols}x{rows}");
        }
    }
}
