//! Engine: runs commands and code, each in its own process group.
//!
//! * [`shell`] which shell
//! * [`spawn`] what all processes have in common at their start
//! * [`tree`] the end of a process and of all it left behind
//! * [`run`] one process from start to end: feed stdin, collect output, time out
//! * [`output`] how much output is kept
//! * [`execute`] a command text
//! * [`code_run`] a program in a language

mod code_run;
mod execute;
pub mod output;
pub mod run;
pub mod shell;
pub mod spawn;
pub mod tree;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use self::code_run::Ran;
use self::output::OutputBudget;
pub use self::run::Ended;
use crate::environment::{BadVariable, Environment};
use crate::files::FileError;

/// Starts and watches processes.
#[derive(Debug)]
pub struct Processes {
    environment: Arc<Environment>,
    work_dir: PathBuf,
    budget: OutputBudget,
}

/// Why there is no exit code to report.
#[derive(Debug, Error)]
pub enum ProcessError {
    #[error("command is required")]
    EmptyCommand,
    #[error("code is required")]
    EmptyCode,
    #[error("unsupported language: {0:?}; use python, javascript or typescript")]
    Language(String),
    #[error(transparent)]
    Variable(#[from] BadVariable),
    #[error(transparent)]
    Directory(#[from] FileError),
    #[error("command execution timed out after {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("{0}")]
    Internal(String),
}

impl Processes {
    /// With the sandbox's variables, starting in `work_dir` unless told otherwise.
    pub fn new(environment: Arc<Environment>, work_dir: PathBuf) -> Self {
        Self { environment, work_dir, budget: OutputBudget::default() }
    }
}

/// As a shell puts it: an end by signal is 128 and the signal's number.
pub fn exit_code(status: ExitStatus) -> i32 {
    const SIGNALLED: i32 = 128;
    status.code().or_else(|| status.signal().map(|signal| SIGNALLED + signal)).unwrap_or(-1)
}

/// The wire's seconds; 0 means none.
fn timeout(seconds: Option<u64>) -> Option<Duration> {
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
}
