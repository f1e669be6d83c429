//! Engine: Python that keeps its state. A context is one worker process with one namespace; executions in it run one
//! after another, in the order in which they came.
//!
//! * [`context`] a context: whose turn it is, and its worker, started when it is needed
//! * [`worker`] a worker process and the task that owns it
//! * [`course`] one execution from its request to its end
//! * [`printed`], [`text`] what its processes print: pipes in pieces, pieces as text
//! * `worker.py` what runs in the sandbox's Python
//!
//! An execution belongs to its client: when the client goes away, it is interrupted as by a timeout (SIGINT to the
//! worker, then to its process group, then SIGKILL). Nobody could see its output any more, there is no other way to
//! interrupt one, and a loop without end in the default context, which cannot be deleted, would hold it for ever.
//!
//! No worker is started before it is needed: an idle sandbox pays for none, and a sandbox that is claimed from a pool
//! gets its variables after the daemon began.

mod context;
mod course;
mod printed;
mod text;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paddock_wire::toolbox::interpreter::{self as wire, CreateContext, Execute, Frame};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc};

use self::context::Context;
use crate::environment::{BadVariable, Environment};
use crate::files::{FileError, place};

/// The context of those who name none.
pub const DEFAULT: &str = "default";
const LANGUAGE: &str = "python";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
/// Each is a process of the sandbox; what the daemon keeps of one is little.
const MOST_CONTEXTS: usize = 256;
/// KiB of code that run or wait for their turn, all together.
const WAITING_CODE: u32 = 64 * 1024;
/// And their number.
const MOST_RUNS: u32 = 512;

/// All contexts.
#[derive(Debug)]
pub struct Interpreters {
    environment: Arc<Environment>,
    work_dir: PathBuf,
    patience: Patience,
    default: Arc<Context>,
    /// In the order of their creation.
    contexts: Mutex<Vec<Arc<Context>>>,
    room: Arc<Semaphore>,
}

/// How long each step of an interruption may take before the next.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The worker alone was told, so that programs it started earlier live on.
    pub worker: Duration,
    /// All processes of its group were told: it may wait for one of them.
    pub group: Duration,
    /// A deleted context's worker was told by the end of its requests.
    pub farewell: Duration,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself, or by an exception.
    Completed,
    /// By a signal that was not ours.
    Interrupted,
    /// Interrupted by us; whether the context kept its state.
    TimedOut { limit: Duration, kept: bool },
    /// The client went away.
    Gone,
    /// The worker ended, and its state with it.
    Died(String),
}

/// Why there is no execution or no context.
#[derive(Debug, Error)]
pub enum InterpreterError {
    #[error("code is required")]
    EmptyCode,
    #[error("timeout must not be negative")]
    Timeout,
    #[error(transparent)]
    Variable(#[from] BadVariable),
    #[error("unsupported language: {0:?}; the interpreter runs python")]
    Language(String),
    #[error("context not found: {0}")]
    NoContext(String),
    #[error("the default context cannot be deleted")]
    Default,
    #[error("too many contexts: delete one of the {MOST_CONTEXTS} first")]
    TooMany,
    #[error("too many executions are waiting")]
    Busy,
    #[error(transparent)]
    Path(#[from] FileError),
    #[error("cwd is not a directory: {0}")]
    Directory(String),
    #[error("the interpreter cannot be started: {0}")]
    Start(String),
}

impl Default for Patience {
    fn default() -> Self {
        Self { worker: Duration::from_secs(1), group: Duration::from_secs(1), farewell: Duration::from_secs(2) }
    }
}

impl Interpreters {
    /// With the sandbox's variables, starting in `work_dir` unless told otherwise.
    pub fn new(environment: Arc<Environment>, work_dir: PathBuf, patience: Patience) -> Self {
        let default = Arc::new(Context::new(DEFAULT.to_owned(), work_dir.clone()));
        let room = Arc::new(Semaphore::new(WAITING_CODE as usize));
        Self { environment, work_dir, patience, default, contexts: Mutex::default(), room }
    }

    /// A new context, whose worker runs.
    pub async fn create(&self, request: CreateContext) -> Result<wire::Context, InterpreterError> {
        let CreateContext { cwd, language } = request;
        if let Some(other) = language.filter(|language| !language.is_empty() && language != LANGUAGE) {
            return Err(InterpreterError::Language(other.chars().take(40).collect()));
        }
        let cwd = match cwd.filter(|cwd| !cwd.is_empty()) {
            Some(cwd) => place::resolve(&self.work_dir, &cwd)?,
            None => self.work_dir.clone(),
        };
        if !tokio::fs::metadata(&cwd).await.is_ok_and(|metadata| metadata.is_dir()) {
            return Err(InterpreterError::Directory(cwd.display().to_string()));
        }
        let context = Arc::new(Context::new(uuid::Uuid::new_v4().to_string(), cwd));
        {
            let mut contexts = self.contexts();
            if contexts.len() >= MOST_CONTEXTS {
                return Err(InterpreterError::TooMany);
            }
            contexts.push(Arc::clone(&context));
        }
        if let Err(error) = context.start(&self.environment, self.patience).await {
            self.take(&context.id);
            return Err(error);
        }
        Ok(context.describe())
    }

    /// All but the default one.
    pub fn list(&self) -> Vec<wire::Context> {
        self.contexts().iter().map(|context| context.describe()).collect()
    }

    /// Ends a context with all its processes. Who runs or waits in it is told.
    pub async fn delete(&self, id: &str) -> Result<(), InterpreterError> {
        if id == DEFAULT {
            return Err(InterpreterError::Default);
        }
        let context = self.take(id).ok_or_else(|| no_context(id))?;
        context.end().await;
        Ok(())
    }

    /// Runs code in its turn. Output goes to `frames`, which slows the program down when it is full; the execution
    /// is interrupted when the receiver is dropped.
    pub async fn execute(&self, request: Execute, frames: mpsc::Sender<Frame>) -> Result<End, InterpreterError> {
        let Execute { code, context_id, envs, timeout } = request;
        if code.trim().is_empty() {
            return Err(InterpreterError::EmptyCode);
        }
        let timeout = limit(timeout)?;
        let envs: BTreeMap<_, _> = envs.unwrap_or_default();
        self.environment.with(&envs)?;
        let context = self.find(context_id.as_deref().filter(|id| !id.is_empty()).unwrap_or(DEFAULT))?;
        let share = u32::try_from(code.len() / 1024).unwrap_or(u32::MAX).max(WAITING_CODE / MOST_RUNS);
        let room = Arc::clone(&self.room).try_acquire_many_owned(share).map_err(|_| InterpreterError::Busy)?;
        let run = context::Run { code, envs, timeout, frames };
        let end = context.run(run, &self.environment, self.patience).await;
        drop(room);
        end
    }

    fn find(&self, id: &str) -> Result<Arc<Context>, InterpreterError> {
        if id == DEFAULT {
            return Ok(Arc::clone(&self.default));
        }
        self.contexts().iter().find(|context| context.id == id).cloned().ok_or_else(|| no_context(id))
    }

    fn take(&self, id: &str) -> Option<Arc<Context>> {
        let mut contexts = self.contexts();
        let at = contexts.iter().position(|context| context.id == id)?;
        Some(contexts.remove(at))
    }

    fn contexts(&self) -> MutexGuard<'_, Vec<Arc<Context>>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_context(id: &str) -> InterpreterError {
    InterpreterError::NoContext(id.chars().take(64).collect())
}

/// The wire's seconds: absent means ten minutes, 0 none.
fn limit(seconds: Option<f64>) -> Result<Option<Duration>, InterpreterError> {
    match seconds {
        None => Ok(Some(DEFAULT_TIMEOUT)),
        Some(0.0) => Ok(None),
        Some(seconds) if seconds < 0.0 => Err(InterpreterError::Timeout),
        // Beyond what a clock can count there is none.
        Some(seconds) => Ok(Duration::try_from_secs_f64(seconds).ok().filter(|limit| limit.as_secs() < 1 << 32)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts() {
        assert_eq!(limit(None).expect("fine"), Some(Duration::from_secs(600)));
        assert_eq!(limit(Some(0.0)).expect("fine"), None);
        assert_eq!(limit(Some(1.5)).expect("fine"), Some(Duration::from_millis(1500)));
        assert_eq!(limit(Some(1e30)).expect("fine"), None);
        assert!(matches!(limit(Some(-1.0)), Err(InterpreterError::Timeout)));
    }
}
