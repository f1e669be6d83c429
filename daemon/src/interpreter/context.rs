//! A context: whose turn it is, and its worker, started when it is needed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use paddock_wire::toolbox::interpreter::{self as wire, Frame};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::worker::Worker;
use super::{End, InterpreterError, LANGUAGE, Patience};
use crate::environment::Environment;

/// One execution, as it was asked for.
#[derive(Debug)]
pub struct Run {
    pub code: String,
    pub envs: BTreeMap<String, String>,
    /// Counted from when it is its turn.
    pub timeout: Option<Duration>,
    pub frames: mpsc::Sender<Frame>,
}

/// A namespace and where it lives.
#[derive(Debug)]
pub struct Context {
    pub id: String,
    cwd: PathBuf,
    created: OffsetDateTime,
    deleted: CancellationToken,
    /// Who holds it runs; the lock is fair, so that executions take their turn in the order in which they came.
    worker: Mutex<Option<Worker>>,
}

impl Context {
    /// Without a worker yet.
    pub fn new(id: String, cwd: PathBuf) -> Self {
        let deleted = CancellationToken::new();
        Self { id, cwd, created: OffsetDateTime::now_utc(), deleted, worker: Mutex::default() }
    }

    /// What clients are told.
    pub fn describe(&self) -> wire::Context {
        // One that is busy with a run lives.
        let active = self.worker.try_lock().map_or(true, |worker| worker.as_ref().is_some_and(Worker::lives));
        wire::Context {
            id: self.id.clone(),
            cwd: self.cwd.to_string_lossy().into_owned(),
            created_at: self.created.format(&Rfc3339).unwrap_or_default(),
            active,
            language: LANGUAGE.to_owned(),
        }
    }

    /// Starts the worker before it is needed.
    pub async fn start(&self, environment: &Environment, patience: Patience) -> Result<(), InterpreterError> {
        let mut worker = self.worker.lock().await;
        *worker = Some(self.spawn(environment, patience).await?);
        Ok(())
    }

    /// Runs when it is its turn, unless nobody waits for it any more.
    pub async fn run(&self, run: Run, environment: &Environment, patience: Patience) -> Result<End, InterpreterError> {
        let mut worker = tokio::select! {
            biased;
            () = self.deleted.cancelled() => return Err(InterpreterError::NoContext(self.id.clone())),
            () = run.frames.closed() => return Ok(End::Gone),
            worker = self.worker.lock() => worker,
        };
        let mut run = run;
        // One that is found alive may end before it takes the run.
        if let Some(living) = worker.as_ref().filter(|worker| worker.lives()) {
            match living.run(run).await {
                Ok(end) => return Ok(end),
                Err(back) => run = back,
            }
        }
        let fresh = worker.insert(self.spawn(environment, patience).await?);
        Ok(fresh.run(run).await.unwrap_or_else(|_| End::Died("the interpreter ended at once".to_owned())))
    }

    /// Ends it with all its processes.
    pub async fn end(&self) {
        self.deleted.cancel();
        // A run that is under way ends by the same word.
        if let Some(worker) = self.worker.lock().await.take() {
            worker.ended().await;
        }
    }

    async fn spawn(&self, environment: &Environment, patience: Patience) -> Result<Worker, InterpreterError> {
        if self.deleted.is_cancelled() {
            return Err(InterpreterError::NoContext(self.id.clone()));
        }
        let started = Worker::start(environment.all(), self.cwd.clone(), self.deleted.clone(), patience).await;
        started.map_err(InterpreterError::Start)
    }
}
