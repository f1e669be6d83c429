//! A worker: a Python process in a process group of its own, and the task that owns it.
//!
//! ```text
//!   start ─► idle ──job──► course ──done──► idle ... ─► deleted, or nobody holds it: its requests end, then SIGKILL
//!              │              └─ killed, crashed ─┐
//!              └─ ended by itself ────────────────┴► reaped; the context starts another when it needs one
//! ```

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures::StreamExt;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf, pipe};
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::sync::CancellationToken;

use super::context::Run;
use super::course::Course;
use super::printed::Printed;
use super::{End, Patience};
use crate::environment::Variables;
use crate::process::spawn;

const PROGRAM: &str = include_str!("worker.py");
const INTERPRETERS: [&str; 2] = ["python3", "python"];
/// The worker cuts what it tells; a longer message comes from somebody who found its socket.
const LONGEST_MESSAGE: usize = 512 * 1024;

/// Ends with its handle.
#[derive(Debug)]
pub struct Worker {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    run: Run,
    /// The run comes back when the worker ended before it.
    reply: oneshot::Sender<Result<End, Run>>,
}

/// What a worker is made of.
#[derive(Debug)]
pub struct Process {
    pub child: Child,
    pub group: Group,
    pub messages: FramedRead<OwnedReadHalf, LinesCodec>,
    pub requests: OwnedWriteHalf,
    pub printed: Printed,
}

/// A worker's id, and that of what it started, unless that left the group.
#[derive(Debug, Clone, Copy)]
pub struct Group(Pid);

struct Owner {
    process: Process,
    jobs: mpsc::Receiver<Job>,
    deleted: CancellationToken,
    patience: Patience,
}

impl Worker {
    /// The error is for the caller.
    pub async fn start(
        environment: Variables,
        cwd: PathBuf,
        deleted: CancellationToken,
        patience: Patience,
    ) -> Result<Self, String> {
        // A fork takes long when memory is short, and other requests must not wait for it.
        let begun =
            spawn_blocking(move || start_process(&environment, &cwd)).await.map_err(|error| error.to_string())?;
        let process = begun.and_then(Parts::watch).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "there is no python3 and no python in this sandbox".to_owned(),
            _ => error.to_string(),
        })?;
        let (jobs, inbox) = mpsc::channel(1);
        tokio::spawn(Owner { process, jobs: inbox, deleted, patience }.live());
        Ok(Self { jobs })
    }

    /// Whether it can take a run.
    pub fn lives(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Gives the run back if the worker is not there to take it.
    pub async fn run(&self, run: Run) -> Result<End, Run> {
        let (reply, answer) = oneshot::channel();
        if let Err(mpsc::error::SendError(job)) = self.jobs.send(Job { run, reply }).await {
            return Err(job.run);
        }
        answer.await.unwrap_or_else(|_| Ok(End::Died("the interpreter was lost".to_owned())))
    }

    /// Until all its processes are gone.
    pub async fn ended(&self) {
        self.jobs.closed().await;
    }
}

impl Owner {
    async fn live(mut self) {
        let mut number = 0;
        loop {
            let Process { child, messages, printed, .. } = &mut self.process;
            let job = tokio::select! {
                biased;
                () = self.deleted.cancelled() => break,
                _ = child.wait() => break,
                job = self.jobs.recv() => match job {
                    Some(job) => job,
                    None => break,
                },
                // Between runs nobody reads what threads and programs in the background say; they must not wait for it.
                _ = printed.next() => continue,
                Some(_) = messages.next() => continue,
            };
            number += 1;
            let course = Course::begin(job.run, number, self.deleted.clone(), self.patience);
            let (end, lives) = course.follow(&mut self.process).await;
            if !lives {
                self.process.group.signal(Signal::SIGKILL);
                let _ = self.process.child.wait().await;
            }
            // Its caller may have gone.
            let _ = job.reply.send(Ok(end));
            if !lives {
                break;
            }
        }
        self.jobs.close();
        while let Ok(job) = self.jobs.try_recv() {
            let _ = job.reply.send(Err(job.run));
        }
        self.process.end(self.patience).await;
    }
}

impl Group {
    /// To the worker alone.
    pub fn signal_worker(self, signal: Signal) {
        // ESRCH, here and below: they ended in this moment.
        let _ = kill(self.0, signal);
    }

    /// To all of them.
    pub fn signal(self, signal: Signal) {
        let _ = killpg(self.0, signal);
    }
}

impl Process {
    /// Without requests the worker ends by itself, as a program does; then nothing of its group may be left.
    async fn end(self, patience: Patience) {
        let Self { mut child, group, messages, requests, mut printed } = self;
        drop((messages, requests));
        let farewell = async {
            loop {
                tokio::select! {
                    _ = child.wait() => break,
                    _ = printed.next() => {}
                }
            }
        };
        let _ = tokio::time::timeout(patience.farewell, farewell).await;
        group.signal(Signal::SIGKILL);
        let _ = child.wait().await;
    }
}

/// A process of which nobody is told yet.
struct Parts {
    child: Child,
    socket: StdUnixStream,
    pipes: [io::PipeReader; 2],
}

impl Parts {
    fn watch(self) -> io::Result<Process> {
        let Self { child, socket, pipes: [stdout, stderr] } = self;
        let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        socket.set_nonblocking(true)?;
        let (reader, requests) = UnixStream::from_std(socket)?.into_split();
        let receiver = |pipe: io::PipeReader| pipe::Receiver::from_owned_fd(pipe.into());
        Ok(Process {
            child,
            group: Group(Pid::from_raw(pid.cast_signed())),
            messages: FramedRead::new(reader, LinesCodec::new_with_max_length(LONGEST_MESSAGE)),
            requests,
            printed: Printed::new(receiver(stdout)?, receiver(stderr)?),
        })
    }
}

fn start_process(environment: &Variables, cwd: &Path) -> io::Result<Parts> {
    let [first, second] = INTERPRETERS;
    spawn_program(first, environment, cwd).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => spawn_program(second, environment, cwd),
        _ => Err(error),
    })
}

fn spawn_program(program: &str, environment: &Variables, cwd: &Path) -> io::Result<Parts> {
    // The system's words do not say which of the two is missing.
    std::fs::read_dir(cwd).map_err(|error| io::Error::other(format!("{}: {error}", cwd.display())))?;
    let (socket, theirs) = StdUnixStream::pair()?;
    let (stdout, out) = io::pipe()?;
    let (stderr, err) = io::pipe()?;
    let mut command = spawn::command(program.as_ref(), cwd, environment);
    // The socket goes as stdin, which the worker takes and closes: no other descriptor can be given without unsafe code.
    command.args(["-c", PROGRAM]).stdin(Stdio::from(OwnedFd::from(theirs))).stdout(out).stderr(err);
    command.process_group(0).kill_on_drop(true);
    Ok(Parts { child: command.spawn()?, socket, pipes: [stdout, stderr] })
}
