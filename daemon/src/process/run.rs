//! One process from start to end.

use std::ffi::{OsStr, OsString};
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempPath;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::spawn_blocking;

use super::output::{Capture, Output, OutputBudget};
use super::{ProcessError, Processes, shell};
use crate::environment::Variables;
use crate::oom;

/// What to run: the sandbox's shell, with these.
#[derive(Debug)]
pub struct Plan {
    pub arguments: Vec<OsString>,
    /// Written to stdin, which then ends.
    pub stdin: Vec<u8>,
    pub directory: PathBuf,
    pub environment: Variables,
    pub timeout: Option<Duration>,
    /// Removed when the run is over, and not before, whether or not its caller still waits.
    pub files: Vec<TempPath>,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// -1 when it could not start or was ended by a signal.
    pub exit_code: i32,
    /// stdout and stderr, one pipe, hence in the order of arrival.
    pub output: Output,
}

type Started = (Child, pipe::Receiver);

impl Processes {
    /// Runs to the end: until the process exited and nobody holds its output open any more. A task
    /// of its own, so that a caller who hangs up changes nothing for the process or its timeout.
    pub async fn run(&self, plan: Plan) -> Result<Ended, ProcessError> {
        let run = tokio::spawn(run(plan, self.budget.clone()));
        run.await.map_err(|error| ProcessError::Internal(error.to_string()))?
    }
}

async fn run(plan: Plan, budget: OutputBudget) -> Result<Ended, ProcessError> {
    // A fork takes long when memory is short, and other requests must not wait for it.
    let begun = spawn_blocking(move || {
        let started = start(&plan);
        (plan, started)
    });
    let (plan, started) = begun.await.map_err(|error| ProcessError::Internal(error.to_string()))?;
    let ended = match started {
        Ok(started) => follow(&plan, started, &budget).await,
        Err(why) => Ok(Ended { exit_code: -1, output: budget.text(why) }),
    };
    drop(plan.files);
    ended
}

async fn follow(plan: &Plan, started: Started, budget: &OutputBudget) -> Result<Ended, ProcessError> {
    let (mut child, mut output) = started;
    let group = child.id().map(|id| Pid::from_raw(id.cast_signed()));
    let stdin = child.stdin.take();
    let mut capture = budget.capture();
    let end = tokio::select! {
        end = finish(&mut child, &mut output, &mut capture) => Some(end),
        () = feed(stdin, &plan.stdin) => None,
        () = expire(plan.timeout) => None,
    };
    if let Some(end) = end {
        let status = end.map_err(|error| ProcessError::Internal(error.to_string()))?;
        return Ok(Ended { exit_code: status.code().unwrap_or(-1), output: capture.into_output() });
    }
    if let Some(group) = group {
        // ESRCH: the group ended in this moment.
        let _ = killpg(group, Signal::SIGKILL);
    }
    // Reaps the leader. Processes that left the group are not waited for.
    let _ = child.wait().await;
    Err(ProcessError::TimedOut(plan.timeout.unwrap_or_default()))
}

/// The error is what the caller reads in place of an output.
fn start(plan: &Plan) -> Result<Started, String> {
    let shell = shell::choose(&plan.environment);
    spawn(plan, &shell).map_err(|error| start_failure(plan, &shell, &error))
}

fn spawn(plan: &Plan, shell: &OsStr) -> io::Result<Started> {
    let (receiver, sender) = io::pipe()?;
    let mut command = Command::new(shell);
    command.args(&plan.arguments).stdin(Stdio::piped()).stdout(sender.try_clone()?).stderr(sender);
    prepare(&mut command, &plan.environment, &plan.directory);
    // `command` holds the sending ends and goes with this function: the pipe ends with the processes.
    Ok((command.spawn()?, pipe::Receiver::from_owned_fd(receiver.into())?))
}

/// What all of the sandbox's processes have in common: these variables and no others, a process group of their own, and
/// an ordinary score when memory runs out.
pub fn prepare(command: &mut Command, environment: &Variables, directory: &Path) {
    command.current_dir(directory).env_clear().envs(environment).process_group(0);
    if oom::is_shielded() {
        unshield(command);
    }
}

#[expect(unsafe_code, reason = "only the child itself can raise its score before any of its code runs")]
fn unshield(command: &mut Command) {
    // SAFETY: the function makes system calls only; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(oom::unshield_child) };
}

/// The system's words do not say which of the two is missing.
fn start_failure(plan: &Plan, shell: &OsStr, error: &io::Error) -> String {
    match std::fs::metadata(&plan.directory) {
        Ok(directory) if directory.is_dir() => format!("{}: {error}", shell.to_string_lossy()),
        Ok(_) => format!("chdir {}: not a directory", plan.directory.display()),
        Err(error) => format!("chdir {}: {error}", plan.directory.display()),
    }
}

async fn finish(child: &mut Child, output: &mut pipe::Receiver, capture: &mut Capture) -> io::Result<ExitStatus> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match output.read(&mut chunk).await? {
            0 => return child.wait().await,
            length => capture.push(&chunk[..length]),
        }
    }
}

/// Writes what the process wants to read; it may stop reading at any time. Never completes.
async fn feed(stdin: Option<ChildStdin>, text: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(text).await;
    }
    pending().await
}

async fn expire(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => pending().await,
    }
}
