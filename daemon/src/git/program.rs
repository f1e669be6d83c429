//! The sandbox's own git program: one run of it, in its own process group, with bounded output. It ends with its caller.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::error::{Failure, GitResult};
use crate::environment::Variables;
use crate::oom;
use crate::process::output::{Capture, OutputBudget};

/// Of what git says on stderr the end is kept; there it says why it failed.
const COMPLAINT_LIMIT: usize = 64 * 1024;
/// What a pipe holds at most.
const PIPE: usize = 64 * 1024;
/// To remove half a clone and its locks.
const GRACE: Duration = Duration::from_secs(3);

/// One run.
#[derive(Debug)]
pub struct Run {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub directory: PathBuf,
    pub variables: Variables,
    pub stdin: Vec<u8>,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// -1 when it was ended by a signal.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn succeeded(&self) -> bool {
        self.code == 0
    }
}

/// The program of that name on the variables' `PATH`.
pub fn find(variables: &Variables, name: &str) -> Option<PathBuf> {
    let path = variables.get(OsStr::new("PATH")).map(OsString::as_os_str).unwrap_or_default();
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(is_program)
}

impl Run {
    /// To its end. What others, started by it, go on to write to its output is not waited for.
    pub async fn end(self, budget: &OutputBudget) -> GitResult<Ended> {
        let mut running = self.start().await?;
        let mut capture = budget.capture();
        let status = running.follow(&mut capture).await.map_err(unreadable)?;
        let output = capture.into_output();
        if output.truncated {
            return Err(Failure::Refused.because("git's answer is too large"));
        }
        let stderr = running.stderr.text();
        Ok(Ended { code: status.code().unwrap_or(-1), stdout: output.text, stderr })
    }

    /// A fork takes long when memory is short, and other requests must not wait for it.
    pub async fn start(self) -> GitResult<Running> {
        let started = spawn_blocking(move || {
            let running = self.spawn();
            running.map_err(|error| Failure::Internal.because(format!("{}: {error}", self.program.display())))
        });
        started.await.map_err(|error| Failure::Internal.because(error.to_string()))?
    }

    fn spawn(&self) -> io::Result<Running> {
        let ((stdout, stdout_sender), (stderr, stderr_sender)) = (io::pipe()?, io::pipe()?);
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(&self.variables)
            .process_group(0)
            .stdin(if self.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(stdout_sender)
            .stderr(stderr_sender);
        oom::unshield(&mut command);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take().map(|pipe| (pipe, self.stdin.clone()));
        Ok(Running {
            group: child.id().map(|id| Pid::from_raw(id.cast_signed())),
            child: Some(child),
            stdin,
            stdout: pipe::Receiver::from_owned_fd(stdout.into())?,
            stderr: Complaint { pipe: pipe::Receiver::from_owned_fd(stderr.into())?, kept: Vec::new() },
        })
    }
}

fn unreadable(error: io::Error) -> super::GitError {
    Failure::Internal.because(format!("following git: {error}"))
}

/// A run that goes on. Dropped before its end it is ended, with all that it started.
#[derive(Debug)]
pub struct Running {
    /// None once it was reaped.
    child: Option<Child>,
    group: Option<Pid>,
    stdin: Option<(ChildStdin, Vec<u8>)>,
    stdout: pipe::Receiver,
    stderr: Complaint,
}

impl Running {
    async fn follow(&mut self, capture: &mut Capture) -> io::Result<ExitStatus> {
        let Self { child: Some(child), stdin, stdout, stderr, .. } = self else { return Err(already_ended()) };
        let mut chunk = vec![0; PIPE];
        let (mut feeding, mut printing) = (stdin.is_some(), true);
        let mut feed = Box::pin(feed(stdin.take()));
        let status = loop {
            tokio::select! {
                biased;
                () = &mut feed, if feeding => feeding = false,
                read = stdout.read(&mut chunk), if printing => match read? {
                    0 => printing = false,
                    length => capture.push(&chunk[..length]),
                },
                () = stderr.read() => {}
                status = child.wait() => break status?,
            }
        };
        if printing {
            drain(stdout, &mut chunk, |piece| capture.push(piece));
        }
        self.reaped();
        Ok(status)
    }

    /// More of what it prints; nothing at its end, which must be a good one.
    pub async fn read(&mut self, chunk: &mut [u8]) -> GitResult<usize> {
        loop {
            let length = tokio::select! {
                biased;
                read = self.stdout.read(chunk) => read.map_err(unreadable)?,
                () = self.stderr.read() => continue,
            };
            if length > 0 {
                return Ok(length);
            }
            let Some(child) = &mut self.child else { return Ok(0) };
            let status = child.wait().await.map_err(unreadable)?;
            self.reaped();
            return match status.success() {
                true => Ok(0),
                false => Err(Failure::Internal.because(self.stderr.text())),
            };
        }
    }

    fn reaped(&mut self) {
        self.child = None;
        self.stderr.drain();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(mut child), Some(group)) = (self.child.take(), self.group) else { return };
        // ESRCH: the group ended in this moment.
        let _ = killpg(group, Signal::SIGTERM);
        let end = async move {
            if timeout(GRACE, child.wait()).await.is_err() {
                let _ = killpg(group, Signal::SIGKILL);
                let _ = child.wait().await;
            }
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(end);
        }
    }
}

/// The end of what git says on stderr.
#[derive(Debug)]
struct Complaint {
    pipe: pipe::Receiver,
    kept: Vec<u8>,
}

impl Complaint {
    /// A piece; never completes once there are no more.
    async fn read(&mut self) {
        let mut chunk = [0; 4096];
        match self.pipe.read(&mut chunk).await {
            Ok(length) if length > 0 => self.keep(&chunk[..length]),
            _ => std::future::pending().await,
        }
    }

    fn drain(&mut self) {
        let mut rest = Vec::new();
        drain(&self.pipe, &mut [0; 4096], |piece| rest.extend_from_slice(piece));
        self.keep(&rest);
    }

    fn keep(&mut self, piece: &[u8]) {
        self.kept.extend_from_slice(piece);
        let surplus = self.kept.len().saturating_sub(COMPLAINT_LIMIT);
        self.kept.drain(..surplus);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

/// What a process that has ended left in its pipe. Not by way of tokio, which may not have heard of it yet.
fn drain(pipe: &pipe::Receiver, chunk: &mut [u8], mut keep: impl FnMut(&[u8])) {
    let mut left = PIPE;
    while left > 0
        && let Ok(length @ 1..) = nix::unistd::read(pipe, chunk)
    {
        keep(&chunk[..length]);
        left = left.saturating_sub(length);
    }
}

async fn feed(stdin: Option<(ChildStdin, Vec<u8>)>) {
    if let Some((mut pipe, text)) = stdin {
        // It may stop reading at any time.
        let _ = pipe.write_all(&text).await;
    }
}

fn already_ended() -> io::Error {
    io::Error::other("it has ended already")
}
