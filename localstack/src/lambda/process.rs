//! The task that owns one process. Nobody else signals, kills or waits for it.
//!
//! ```text
//!  started ──next──► busy ──response/error──► answered ──next──► idle (frozen) ──invocation──► busy
//!     │                │                         │                  │
//!     └─ init limit,   └─ timeout, exit:         └─ exit: gone      └─ idle limit, exit: gone
//!        exit: fails      the invocation fails
//! ```

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::child::Child;
use super::pool::PoolShared;
use super::runtime_api::{self, Answer, Delivery, RuntimeEvent};
use super::{INIT_LIMIT, InvokeError};
use crate::template::arn;

/// One request for a process. The permit counts the process as in use until it is idle or gone.
pub(super) struct Invocation {
    pub(super) payload: Bytes,
    pub(super) reply: oneshot::Sender<Result<Bytes, InvokeError>>,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Where to send the next invocation of an idle process. Closed once the process is gone.
pub(super) type Mailbox = mpsc::Sender<Invocation>;

/// An invocation a process is working on.
struct Current {
    request_id: String,
    reply: oneshot::Sender<Result<Bytes, InvokeError>>,
    permit: OwnedSemaphorePermit,
}

enum State {
    /// Not yet asked for work; the invocation that made us start it.
    Started(Invocation),
    Busy(Current),
    /// Has answered and not yet asked for more.
    Answered(OwnedSemaphorePermit),
    /// Frozen, its question for work open.
    Idle(oneshot::Sender<Delivery>),
    Gone,
}

pub(super) struct Process {
    pool: Arc<PoolShared>,
    child: Child,
    events: mpsc::Receiver<RuntimeEvent>,
    mailbox: Mailbox,
    invocations: mpsc::Receiver<Invocation>,
    state: State,
    deadline: Instant,
    started: Instant,
    interface: JoinHandle<()>,
}

impl Process {
    /// Starts a process for `first` and its owner task.
    pub(super) async fn start(pool: Arc<PoolShared>, first: Invocation) {
        match Self::spawn(&pool).await {
            Ok((child, events, interface)) => {
                let (mailbox, invocations) = mpsc::channel(1);
                let started = Instant::now();
                let state = State::Started(first);
                let deadline = started + INIT_LIMIT;
                let process = Self { pool, child, events, mailbox, invocations, state, deadline, started, interface };
                tokio::spawn(process.run());
            }
            Err(reason) => drop(first.reply.send(Err(InvokeError::NotStarted(reason)))),
        }
    }

    async fn spawn(pool: &Arc<PoolShared>) -> Result<(Child, mpsc::Receiver<RuntimeEvent>, JoinHandle<()>), String> {
        let spec = &pool.spec;
        let program = spec.programs.iter().find(|path| path.is_file()).ok_or_else(|| {
            let tried: Vec<_> = spec.programs.iter().map(|path| path.display().to_string()).collect();
            format!("no program for {}: looked for {}", spec.name, tried.join(" and "))
        })?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (sender, events) = mpsc::channel(4);
        let interface = tokio::spawn(runtime_api::serve(listener, sender));
        let environment = pool.environment(program, &address.to_string());
        match Child::start(&spec.name, program, environment.into_iter()).await {
            Ok(child) => Ok((child, events, interface)),
            Err(error) => {
                interface.abort();
                Err(format!("{}: {error}", program.display()))
            }
        }
    }

    async fn run(mut self) {
        while !matches!(self.state, State::Gone) {
            let idle = matches!(self.state, State::Idle(_));
            tokio::select! {
                biased;
                status = self.child.wait() => {
                    let detail = match status {
                        Ok(status) => format!("Runtime exited: {status}"),
                        Err(error) => format!("Runtime cannot be waited for: {error}"),
                    };
                    self.end(|request_id| InvokeError::Crashed { request_id, detail });
                }
                Some(event) = self.events.recv() => self.on_event(event).await,
                Some(invocation) = self.invocations.recv(), if idle => self.deliver(invocation).await,
                () = tokio::time::sleep_until(self.deadline) => self.on_deadline().await,
                () = self.pool.closing.cancelled() => {
                    self.child.kill().await;
                    self.end(|request_id| InvokeError::Crashed { request_id, detail: "the stack stops".into() });
                }
            }
        }
        self.interface.abort();
        // An invocation that was posted while the process ended never reached it.
        self.invocations.close();
        while let Ok(invocation) = self.invocations.try_recv() {
            self.pool.clone().place(invocation).await;
        }
    }

    async fn on_event(&mut self, event: RuntimeEvent) {
        match event {
            RuntimeEvent::Next(open) => self.on_next(open).await,
            RuntimeEvent::Response { request_id, body, accepted } => {
                let outcome = match body {
                    Answer::Whole(body) => Ok(body),
                    Answer::TooLarge => Err(InvokeError::ResponseTooLarge),
                };
                accepted.send(self.finish(&request_id, outcome)).ok();
            }
            RuntimeEvent::Failure { request_id, body, accepted } => {
                accepted.send(self.finish(&request_id, Err(InvokeError::Function(body)))).ok();
            }
            RuntimeEvent::InitFailure { body } => {
                tracing::error!(function = self.pool.spec.name, "init failed: {}", String::from_utf8_lossy(&body));
                self.child.kill().await;
                self.end(|_| InvokeError::Function(body));
            }
        }
    }

    async fn on_next(&mut self, open: oneshot::Sender<Delivery>) {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Started(first) => {
                self.pool.stats.function_started(&self.pool.spec.name, self.started.elapsed());
                self.state = State::Idle(open);
                self.deliver(first).await;
            }
            State::Answered(permit) => {
                self.child.freeze();
                self.state = State::Idle(open);
                self.deadline = Instant::now() + self.pool.spec.idle_limit;
                self.pool.returned(self.mailbox.clone());
                drop(permit);
            }
            State::Busy(current) => {
                self.child.kill().await;
                let detail = "the runtime asked for more before it answered".into();
                self.state = State::Busy(current);
                self.end(|request_id| InvokeError::Crashed { request_id, detail });
            }
            // A second question: the first connection broke. The process is as idle as before.
            State::Idle(_) => self.state = State::Idle(open),
            State::Gone => {}
        }
    }

    async fn deliver(&mut self, invocation: Invocation) {
        let State::Idle(open) = std::mem::replace(&mut self.state, State::Gone) else { return };
        let limit = self.pool.spec.timeout;
        let request_id = uuid::Uuid::new_v4().to_string();
        let delivery = Delivery {
            request_id: request_id.clone(),
            deadline_ms: (since_epoch() + limit).as_millis(),
            function_arn: arn("lambda", &format!("function:{}", self.pool.spec.name)),
            payload: invocation.payload,
        };
        self.child.thaw();
        self.deadline = Instant::now() + limit;
        let Invocation { reply, permit, .. } = invocation;
        match open.send(delivery) {
            Ok(()) => self.state = State::Busy(Current { request_id, reply, permit }),
            // Its connection is gone, so is it; the invocation is as good as new.
            Err(Delivery { payload, .. }) => {
                self.child.kill().await;
                self.pool.clone().place(Invocation { payload, reply, permit }).await;
            }
        }
    }

    /// Hands an outcome to the caller; false when it is not for the invocation in progress.
    fn finish(&mut self, request_id: &str, outcome: Result<Bytes, InvokeError>) -> bool {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Busy(current) if current.request_id == request_id => {
                self.pool.stats.function_finished(&self.pool.spec.name, outcome.is_ok());
                self.pool.answered();
                self.state = State::Answered(current.permit);
                // A caller that left is no failure of the function.
                drop(current.reply.send(outcome));
                true
            }
            other => {
                self.state = other;
                false
            }
        }
    }

    async fn on_deadline(&mut self) {
        self.child.kill().await;
        let limit = if matches!(self.state, State::Started(_)) { INIT_LIMIT } else { self.pool.spec.timeout };
        self.end(|request_id| InvokeError::TimedOut { request_id, limit });
    }

    /// The process is gone; whoever waits for it learns why.
    fn end(&mut self, error: impl FnOnce(String) -> InvokeError) {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Started(first) => self.report(first.reply, error(uuid::Uuid::new_v4().to_string())),
            State::Busy(current) => self.report(current.reply, error(current.request_id)),
            State::Answered(_) => self.pool.lost_after_answer(),
            State::Idle(_) | State::Gone => {}
        }
    }

    fn report(&self, reply: oneshot::Sender<Result<Bytes, InvokeError>>, error: InvokeError) {
        tracing::warn!(function = self.pool.spec.name, pid = self.child.pid(), %error, "invocation failed");
        self.pool.stats.function_finished(&self.pool.spec.name, false);
        drop(reply.send(Err(error)));
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
