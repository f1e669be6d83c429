//! Engine: sessions. A session is one long-lived shell; its commands run in it one after another, so that directory, variables
//! and functions stay.
//!
//! * [`folders`] where a session keeps its files
//! * [`shell`] the shell: what it is told, how it says that a command is done
//! * [`command`] one command: its files, its input, its end
//! * [`log`] what a command printed, on disk, the two streams apart
//! * [`view`] a log as the wire wants it; [`follow`] one that grows
//! * [`pump`] from a command's pipes to its log
//! * [`owner`] the task that owns a shell and gives it one command after another
//!
//! Nobody waits for a shell that is gone. When it ends (`exit 3`, a signal), the command that ran has the shell's exit code; those
//! behind it have -1, and whoever waits for one of them, or comes later, is told [`SessionError::Ended`]. The session itself
//! stays, to be asked about its commands, until it is deleted.
//!
//! A command is done when the shell says so, and not when nobody holds its output open any more: what it left in the
//! background goes on, and what that prints still goes to the command's log.

mod command;
mod folders;
pub mod follow;
mod log;
mod owner;
mod pump;
mod shell;
pub mod view;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use paddock_wire::toolbox::session::{ENTRYPOINT_COMMAND, ENTRYPOINT_SESSION};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;

pub use self::command::{Command, End};
use self::folders::{Folder, Folders};
pub use self::log::{Frames, Log, Stream};
use self::shell::Shell;
use crate::environment::Environment;
use crate::lock::lock;
use crate::process::shell::quote;
use crate::process::tree::{self, Mark};

/// Commands of one session that wait for their turn.
const WAITING: usize = 1000;
/// Ended commands of one session that are remembered.
const REMEMBERED: usize = 1000;
const LONGEST_ID: usize = 255;
/// Until what does not end by SIGTERM is killed.
const GRACE: Duration = Duration::from_secs(5);

/// All sessions of the sandbox.
#[derive(Debug)]
pub struct Sessions {
    environment: Arc<Environment>,
    work_dir: PathBuf,
    home: PathBuf,
    folders: Folders,
    open: Mutex<BTreeMap<String, Arc<Session>>>,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    pub id: String,
    mark: Mark,
    folder: Folder,
    /// Where the owner takes its next command from.
    queue: mpsc::Sender<Arc<Command>>,
    commands: Mutex<VecDeque<Arc<Command>>>,
    /// The shell, until it is gone.
    shell: watch::Receiver<Option<i32>>,
    deleted: AtomicBool,
}

/// What to run in a session.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub text: String,
    /// Nobody waits; stdin stays open.
    pub is_async: bool,
    /// Input goes to the log too.
    pub echo: bool,
}

/// Why not.
#[derive(Debug, Error)]
pub enum SessionError {
    #[error("session ID is required")]
    NoId,
    #[error("session ID is longer than {LONGEST_ID} bytes")]
    LongId,
    #[error("session ID {ENTRYPOINT_SESSION:?} is reserved for the sandbox's own command")]
    Reserved,
    #[error("session {0} already exists")]
    Exists(String),
    #[error("session {0} not found")]
    NotFound(String),
    #[error("command {0} not found")]
    NoCommand(String),
    #[error("command is required")]
    EmptyCommand,
    #[error("session has ended")]
    Ended,
    #[error("{WAITING} commands already wait in this session")]
    Full,
    #[error("command has already completed")]
    Completed,
    #[error("the command was not started asynchronously and takes no input")]
    NoInput,
    #[error("{0}")]
    Internal(String),
}

/// What this engine returns.
pub type SessionResult<T> = Result<T, SessionError>;

impl Sessions {
    /// None yet. Their files go below `home`.
    pub fn new(environment: Arc<Environment>, work_dir: PathBuf, home: PathBuf) -> Self {
        let folders = Folders::below(&home);
        Self { environment, work_dir, home, folders, open: Mutex::default() }
    }

    /// One more, its shell in the work directory, or in the home directory as long ago.
    pub async fn create(&self, id: &str, in_home: bool) -> SessionResult<()> {
        match id {
            "" => return Err(SessionError::NoId),
            ENTRYPOINT_SESSION => return Err(SessionError::Reserved),
            _ if id.len() > LONGEST_ID => return Err(SessionError::LongId),
            _ if lock(&self.open).contains_key(id) => return Err(SessionError::Exists(id.to_owned())),
            _ => {}
        }
        self.start(id, if in_home { &self.home } else { &self.work_dir }).await.map(|_| ())
    }

    /// Runs the container's own command in a session of its own.
    pub async fn start_entrypoint(&self, words: &[String]) -> SessionResult<()> {
        let session = self.start(ENTRYPOINT_SESSION, &self.work_dir).await?;
        let text = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        session.run(ENTRYPOINT_COMMAND.to_owned(), Request { text, is_async: true, echo: false }).await.map(|_| ())
    }

    /// All but the entrypoint's.
    pub fn list(&self) -> Vec<Arc<Session>> {
        lock(&self.open).values().filter(|session| session.id != ENTRYPOINT_SESSION).cloned().collect()
    }

    /// Any session.
    pub fn get(&self, id: &str) -> SessionResult<Arc<Session>> {
        lock(&self.open).get(id).cloned().ok_or_else(|| SessionError::NotFound(id.to_owned()))
    }

    /// A session that is not the entrypoint's.
    pub fn get_own(&self, id: &str) -> SessionResult<Arc<Session>> {
        if id == ENTRYPOINT_SESSION { Err(SessionError::Reserved) } else { self.get(id) }
    }

    /// Ends it with all that came of it; returns when all that is gone.
    pub async fn delete(&self, id: &str) -> SessionResult<()> {
        let session = self.get_own(id)?;
        if session.deleted.swap(true, Ordering::AcqRel) {
            return Err(SessionError::NotFound(id.to_owned()));
        }
        lock(&self.open).remove(id);
        // A task of its own: a caller who hangs up does not keep half of it alive.
        let ending = tokio::spawn(async move { session.end().await });
        ending.await.map_err(|error| SessionError::Internal(error.to_string()))
    }

    async fn start(&self, id: &str, directory: &std::path::Path) -> SessionResult<Arc<Session>> {
        let mut environment = self.environment.all();
        let mark = Mark::add_to(&mut environment);
        let (folders, directory) = (self.folders.clone(), directory.to_owned());
        let begun = spawn_blocking(move || -> SessionResult<_> {
            let folder = folders.create()?;
            let shell = Shell::start(&directory, &environment).map_err(SessionError::Internal)?;
            Ok((folder, shell))
        });
        let (folder, shell) = begun.await.map_err(|error| SessionError::Internal(error.to_string()))??;
        let (queue, next) = mpsc::channel(WAITING);
        let (running, watched) = watch::channel(shell.pid());
        let session = Arc::new(Session {
            id: id.to_owned(),
            mark,
            folder,
            queue,
            commands: Mutex::default(),
            shell: watched,
            deleted: AtomicBool::new(false),
        });
        let mut open = lock(&self.open);
        // Another may have come first; the shell of this one goes with its handle.
        if open.contains_key(id) {
            return Err(SessionError::Exists(id.to_owned()));
        }
        open.insert(id.to_owned(), Arc::clone(&session));
        tokio::spawn(owner::own(shell, next, running));
        Ok(session)
    }
}

impl Session {
    /// Puts a command behind those that wait already.
    pub async fn execute(&self, request: Request) -> SessionResult<Arc<Command>> {
        if request.text.trim().is_empty() {
            return Err(SessionError::EmptyCommand);
        }
        self.run(Uuid::new_v4().to_string(), request).await
    }

    async fn run(&self, id: String, request: Request) -> SessionResult<Arc<Command>> {
        if self.is_ended() {
            return Err(SessionError::Ended);
        }
        let folder = self.folder.clone();
        let made = spawn_blocking(move || Command::create(id, request, &folder));
        let command = made.await.map_err(|error| SessionError::Internal(error.to_string()))??;
        let command = Arc::new(command);
        let mut commands = lock(&self.commands);
        let refused = self.queue.try_send(Arc::clone(&command)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SessionError::Full,
            mpsc::error::TrySendError::Closed(_) => SessionError::Ended,
        });
        if let Err(error) = refused {
            drop(commands);
            command.forget();
            return Err(error);
        }
        commands.push_back(Arc::clone(&command));
        let old = forget_oldest(&mut commands);
        drop(commands);
        old.iter().for_each(|command| command.forget());
        Ok(command)
    }

    /// Waits for the command's end. An error when there is no end of its own to tell.
    pub async fn wait_for(&self, command: &Command) -> SessionResult<i32> {
        match command.ended().await {
            End::Exited(code) if !self.deleted.load(Ordering::Acquire) => Ok(code),
            _ => Err(SessionError::Ended),
        }
    }

    /// Gives a line to what a command reads.
    pub async fn input(&self, command: &Arc<Command>, data: String) -> SessionResult<()> {
        match command.input(data).await {
            Err(SessionError::Completed) if self.is_ended() => Err(SessionError::Ended),
            done => done,
        }
    }

    /// A command that was given to it, unless it is long forgotten.
    pub fn command(&self, id: &str) -> SessionResult<Arc<Command>> {
        let commands = lock(&self.commands);
        let found = commands.iter().rev().find(|command| command.id == id).cloned();
        found.ok_or_else(|| SessionError::NoCommand(id.to_owned()))
    }

    /// All that are remembered, oldest first.
    pub fn commands(&self) -> Vec<Arc<Command>> {
        lock(&self.commands).iter().cloned().collect()
    }

    fn is_ended(&self) -> bool {
        self.shell.borrow().is_none()
    }

    async fn end(&self) {
        let root = *self.shell.borrow();
        tree::terminate(root, &self.mark, GRACE).await;
        // The owner then tells all who wait. A shell that became another user's program cannot be ended by us.
        let _ = timeout(GRACE, self.shell.clone().wait_for(Option::is_none)).await;
        let folder = self.folder.clone();
        let _ = spawn_blocking(move || folder.remove()).await;
    }
}

fn forget_oldest(commands: &mut VecDeque<Arc<Command>>) -> Vec<Arc<Command>> {
    let mut forgotten = Vec::new();
    while commands.len() > REMEMBERED && commands.front().is_some_and(|oldest| oldest.end().is_some()) {
        forgotten.extend(commands.pop_front());
    }
    forgotten
}
