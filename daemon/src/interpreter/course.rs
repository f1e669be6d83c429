//! One execution from its request to its end.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use futures::StreamExt;
use nix::sys::signal::Signal;
use paddock_wire::toolbox::interpreter::{Frame, FrameKind};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::Run;
use super::worker::{Group, Process};
use super::{End, Patience};

/// An execution that goes on.
pub struct Course {
    number: u64,
    request: Vec<u8>,
    limit: Option<Duration>,
    frames: mpsc::Sender<Frame>,
    deleted: CancellationToken,
    patience: Patience,
    told: Told,
    why: Option<Why>,
    /// The worker's messages have come to an end.
    deaf: bool,
    /// When the next step of an interruption is due.
    due: Option<Instant>,
    /// Printed, and not sent yet; nothing more is read meanwhile, which slows the program down.
    unsent: VecDeque<Frame>,
}

/// Whom we told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nobody,
    Worker,
    Group,
    /// By SIGKILL.
    Killed,
}

/// Why we told them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Timeout,
    Gone,
    Deleted,
    /// The worker says what it never would by itself.
    Broken,
}

/// The worker's word at the end of a run.
#[derive(Debug, Deserialize)]
struct Done {
    run: u64,
    interrupted: bool,
    error: Option<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    name: String,
    value: String,
    traceback: String,
}

impl Course {
    pub fn begin(run: Run, number: u64, deleted: CancellationToken, patience: Patience) -> Self {
        let Run { code, envs, timeout, frames } = run;
        let request = serde_json::json!({ "run": number, "code": code, "envs": envs });
        Self {
            number,
            request: format!("{request}\n").into_bytes(),
            limit: timeout,
            frames,
            deleted,
            patience,
            told: Told::Nobody,
            why: None,
            deaf: false,
            due: timeout.map(|timeout| Instant::now() + timeout),
            unsent: VecDeque::new(),
        }
    }

    /// Also says whether the worker can take another run.
    pub async fn follow(mut self, process: &mut Process) -> (End, bool) {
        let request = std::mem::take(&mut self.request);
        let Process { child, group, messages, requests, printed } = process;
        let group = *group;
        let frames = self.frames.clone();
        let (mut sending, mut sent) = (pin!(requests.write_all(&request)), false);
        loop {
            tokio::select! {
                biased;
                () = until(self.due) => self.escalate(if self.deaf { Why::Broken } else { Why::Timeout }, group),
                () = frames.closed(), if self.why.is_none() => self.escalate(Why::Gone, group),
                () = self.deleted.cancelled(), if self.told != Told::Killed => self.kill(Why::Deleted, group),
                status = child.wait() => {
                    // Those it started hold its output; they belong to the state that is lost.
                    group.signal(Signal::SIGKILL);
                    self.deliver(printed.rest()).await;
                    return (self.death(status), false);
                }
                _ = &mut sending, if !sent => sent = true,
                message = messages.next(), if !self.deaf => match read(message) {
                    Some(done) if done.run == self.number && sent => {
                        self.deliver(printed.rest()).await;
                        return (self.end(done).await, true);
                    }
                    // Of an earlier run, which ended in another way.
                    Some(_) => {}
                    None => self.listen_no_more(),
                },
                room = frames.reserve(), if !self.unsent.is_empty() => match (room, self.unsent.pop_front()) {
                    (Ok(room), Some(frame)) => room.send(frame),
                    _ => self.unsent.clear(),
                },
                more = printed.next(), if self.unsent.is_empty() => {
                    self.unsent.extend(more);
                    self.hurry();
                }
            }
        }
    }

    /// The next step of an interruption.
    fn escalate(&mut self, why: Why, group: Group) {
        self.why.get_or_insert(why);
        let (told, patience) = match self.told {
            Told::Nobody => {
                group.signal_worker(Signal::SIGINT);
                (Told::Worker, Some(self.patience.worker))
            }
            Told::Worker => {
                group.signal(Signal::SIGINT);
                (Told::Group, Some(self.patience.group))
            }
            Told::Group | Told::Killed => {
                group.signal(Signal::SIGKILL);
                (Told::Killed, None)
            }
        };
        self.told = told;
        self.due = patience.map(|patience| Instant::now() + patience);
        self.hurry();
    }

    fn kill(&mut self, why: Why, group: Group) {
        self.told = Told::Killed;
        self.why.get_or_insert(why);
        self.due = None;
        group.signal(Signal::SIGKILL);
        self.hurry();
    }

    /// Mostly the worker has ended; if not, it is of no use.
    fn listen_no_more(&mut self) {
        self.deaf = true;
        self.told = Told::Group;
        self.due = Some(Instant::now() + self.patience.group);
    }

    /// Once it is to stop, a client that does not read must not keep it from doing so.
    fn hurry(&mut self) {
        if self.why.is_some() {
            for frame in self.unsent.drain(..) {
                let _ = self.frames.try_send(frame);
            }
        }
    }

    /// The last of the output.
    async fn deliver(&mut self, rest: Vec<Frame>) {
        self.unsent.extend(rest);
        self.hurry();
        for frame in self.unsent.drain(..) {
            if self.frames.send(frame).await.is_err() {
                break;
            }
        }
    }

    async fn end(self, done: Done) -> End {
        match self.why {
            Some(Why::Timeout) => End::TimedOut { limit: self.limit.unwrap_or_default(), kept: true },
            Some(_) => End::Gone,
            None => {
                if let Some(Exception { name, value, traceback }) = done.error {
                    let frame = Frame { kind: FrameKind::Error, text: String::new(), name, value, traceback };
                    let _ = self.frames.send(frame).await;
                }
                if done.interrupted { End::Interrupted } else { End::Completed }
            }
        }
    }

    fn death(&self, status: io::Result<ExitStatus>) -> End {
        match self.why {
            Some(Why::Timeout) => End::TimedOut { limit: self.limit.unwrap_or_default(), kept: false },
            Some(Why::Gone) => End::Gone,
            Some(Why::Deleted) => End::Died("the context was deleted".to_owned()),
            Some(Why::Broken) => End::Died("the interpreter's connection was closed by the code".to_owned()),
            None => End::Died(match status.map(|status| (status.signal(), status.code())) {
                Ok((Some(signal), _)) => format!("the interpreter was ended by {}", signal_name(signal)),
                Ok((_, Some(code))) => format!("the interpreter ended with exit code {code}"),
                _ => "the interpreter ended".to_owned(),
            }),
        }
    }
}

fn signal_name(number: i32) -> String {
    let why = if number == Signal::SIGKILL as i32 { ", maybe for want of memory" } else { "" };
    Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| format!("{signal}{why}"))
}

/// None when it is no message of a worker, or the connection is closed.
fn read<E>(message: Option<Result<String, E>>) -> Option<Done> {
    serde_json::from_str(&message?.ok()?).ok()
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => pending().await,
    }
}
