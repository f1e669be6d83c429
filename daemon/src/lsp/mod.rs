//! Engine: language servers, one for each language and project, from what is installed in the sandbox.
//!
//! * [`language`] which program serves which language
//! * [`server`] a server that knows its project, and what is open in it
//! * [`connection`] its process; requests and their answers
//! * [`framing`] messages on the wire between us and it
//! * [`document`] files as servers name them
//! * [`answers`] their answers as our wire has them

mod answers;
mod connection;
mod document;
mod framing;
mod language;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paddock_wire::toolbox::lsp::{self as wire, CompletionList, Symbol};
use thiserror::Error;
use tokio::sync::Mutex as AsyncMutex;

use self::language::Language;
use self::server::Server;
use crate::environment::Environment;
use crate::files::{FileError, place};

/// Each takes a hundred MiB or two of the sandbox.
const MOST_SERVERS: usize = 32;

type Key = (Language, PathBuf);
/// Who holds it starts or stops the server; the others wait and find it done.
type Slot = Arc<AsyncMutex<Option<Arc<Server>>>>;

/// All servers.
#[derive(Debug)]
pub struct LanguageServers {
    environment: Arc<Environment>,
    work_dir: PathBuf,
    slots: Mutex<BTreeMap<Key, Slot>>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum LspError {
    #[error("unsupported language: {0:?}; use python, typescript or javascript")]
    Language(String),
    #[error("{0}")]
    Argument(String),
    #[error("the language server is not started: call /lsp/start first")]
    NotStarted,
    #[error("no language server is installed: {0} is needed on the PATH")]
    Missing(String),
    #[error("the language server cannot be started: {0}")]
    Start(String),
    #[error("the language server ended")]
    Ended,
    #[error("the language server did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("the language server refused: {0}")]
    Server(String),
    #[error(transparent)]
    File(#[from] FileError),
}

impl LanguageServers {
    /// None yet; relative paths begin in `work_dir`.
    pub fn new(environment: Arc<Environment>, work_dir: PathBuf) -> Self {
        Self { environment, work_dir, slots: Mutex::default() }
    }

    /// One that runs already stays; one that ended is replaced.
    pub async fn start(&self, which: &wire::Server) -> Result<(), LspError> {
        let key = self.key(&which.language_id, &which.path_to_project)?;
        let project = key.1.clone();
        if !tokio::fs::metadata(&project).await.map_err(FileError::at(&project))?.is_dir() {
            return Err(LspError::Argument(format!("not a directory: {}", project.display())));
        }
        let slot = self.slot(&key)?;
        let mut server = slot.lock().await;
        if !server.as_ref().is_some_and(|server| server.lives()) {
            *server = None;
            *server = Some(Arc::new(Server::start(key.0, &self.environment.all(), &project).await?));
        }
        Ok(())
    }

    /// One that does not run is an error.
    pub async fn stop(&self, which: &wire::Server) -> Result<(), LspError> {
        let key = self.key(&which.language_id, &which.path_to_project)?;
        let slot = self.slots().get(&key).map(Arc::clone).ok_or(LspError::NotStarted)?;
        let mut server = slot.lock().await;
        server.take().ok_or(LspError::NotStarted)?.end().await;
        Ok(())
    }

    pub async fn did_open(&self, document: &wire::Document) -> Result<(), LspError> {
        let (server, path) = self.at(document).await?;
        server.did_open(path).await
    }

    pub async fn did_close(&self, document: &wire::Document) -> Result<(), LspError> {
        let (server, path) = self.at(document).await?;
        server.did_close(&path).await
    }

    pub async fn document_symbols(&self, document: &wire::Document) -> Result<Vec<Symbol>, LspError> {
        let (server, path) = self.at(document).await?;
        server.document_symbols(path).await
    }

    pub async fn completions(&self, request: wire::Completions) -> Result<CompletionList, LspError> {
        let wire::Completions { language_id, path_to_project, uri, position, context } = request;
        let (server, path) = self.at(&wire::Document { language_id, path_to_project, uri }).await?;
        server.completions(path, position, context).await
    }

    pub async fn workspace_symbols(&self, request: &wire::SymbolQuery) -> Result<Vec<Symbol>, LspError> {
        if request.query.is_empty() {
            return Err(LspError::Argument("query is required".to_owned()));
        }
        let server = self.server(&request.language_id, &request.path_to_project).await?;
        server.workspace_symbols(&request.query).await
    }

    async fn at(&self, document: &wire::Document) -> Result<(Arc<Server>, PathBuf), LspError> {
        let server = self.server(&document.language_id, &document.path_to_project).await?;
        Ok((server, document::path_of(&self.work_dir, &document.uri)?))
    }

    async fn server(&self, language: &str, project: &str) -> Result<Arc<Server>, LspError> {
        let key = self.key(language, project)?;
        let slot = self.slots().get(&key).map(Arc::clone).ok_or(LspError::NotStarted)?;
        let server = slot.lock().await.as_ref().filter(|server| server.lives()).map(Arc::clone);
        server.ok_or(LspError::NotStarted)
    }

    /// There for as long as somebody uses it or its server lives.
    fn slot(&self, key: &Key) -> Result<Slot, LspError> {
        let mut slots = self.slots();
        slots.retain(|_, slot| {
            let lives = slot.try_lock().is_ok_and(|server| server.as_ref().is_some_and(|server| server.lives()));
            lives || Arc::strong_count(slot) > 1
        });
        if slots.len() >= MOST_SERVERS && !slots.contains_key(key) {
            return Err(LspError::Argument(format!("stop one of the {MOST_SERVERS} language servers first")));
        }
        Ok(Arc::clone(slots.entry(key.clone()).or_default()))
    }

    fn key(&self, language: &str, project: &str) -> Result<Key, LspError> {
        let unknown = || LspError::Language(language.chars().take(40).collect());
        Ok((Language::parse(language).ok_or_else(unknown)?, place::resolve(&self.work_dir, project)?))
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
