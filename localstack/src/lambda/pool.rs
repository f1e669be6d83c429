//! One function: which process takes the next invocation.
//!
//! Idle processes are used last-in first-out, so that rarely used ones get old and end. A process
//! that has answered asks for more within microseconds; a caller waits for it rather than paying a
//! cold start.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::process::{Invocation, Mailbox, Process};
use super::{FunctionSpec, InvokeError};
use crate::stats::Stats;
use crate::template::REGION;

/// One function.
pub struct Pool {
    shared: Arc<PoolShared>,
    slots: Arc<Semaphore>,
}

pub(super) struct PoolShared {
    pub(super) spec: FunctionSpec,
    pub(super) stats: Arc<Stats>,
    /// Cancelled when the stack stops.
    pub(super) closing: CancellationToken,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    idle: Vec<Mailbox>,
    /// Processes that have answered and not yet asked for more.
    returning: usize,
    /// Callers waiting for one of those; never more than `returning`. `None` means: start one yourself.
    waiting: VecDeque<oneshot::Sender<Option<Mailbox>>>,
}

enum Choice {
    Take(Mailbox),
    Wait(oneshot::Receiver<Option<Mailbox>>),
    Start,
}

impl Pool {
    /// A function without processes; they start on demand.
    pub fn new(spec: FunctionSpec, stats: Arc<Stats>, closing: CancellationToken) -> Self {
        let slots = Arc::new(Semaphore::new(spec.concurrency));
        let shared = Arc::new(PoolShared { spec, stats, closing, queue: Mutex::default() });
        Self { shared, slots }
    }

    /// The function's settings.
    pub fn spec(&self) -> &FunctionSpec {
        &self.shared.spec
    }

    /// Runs one invocation to its end. Waits when the function is at its concurrency.
    pub async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        let closed = |_| InvokeError::NotStarted("the stack stops".into());
        let permit = self.slots.clone().acquire_owned().await.map_err(closed)?;
        let (reply, outcome) = oneshot::channel();
        // A task of its own: a caller that leaves must not take a process out of the pool with it, and
        // an invocation runs to its end, as on AWS.
        tokio::spawn(self.shared.clone().place(Invocation { payload, reply, permit }));
        outcome.await.unwrap_or_else(|_| Err(InvokeError::NotStarted("the stack stops".into())))
    }
}

impl PoolShared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the invocation to a process. Boxed because a process that ends places again what it
    /// did not begin.
    pub(super) fn place(self: Arc<Self>, mut invocation: Invocation) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                let taken = match self.choose() {
                    Choice::Take(mailbox) => Some(mailbox),
                    Choice::Wait(turn) => turn.await.ok().flatten(),
                    Choice::Start => None,
                };
                let Some(mailbox) = taken else {
                    return Process::start(self, invocation).await;
                };
                match mailbox.send(invocation).await {
                    Ok(()) => return,
                    // That process ended while idle; the invocation never reached it.
                    Err(unsent) => invocation = unsent.0,
                }
            }
        })
    }

    fn choose(&self) -> Choice {
        let mut queue = self.queue();
        while let Some(mailbox) = queue.idle.pop() {
            if !mailbox.is_closed() {
                return Choice::Take(mailbox);
            }
        }
        if queue.waiting.len() < queue.returning {
            let (sender, turn) = oneshot::channel();
            queue.waiting.push_back(sender);
            return Choice::Wait(turn);
        }
        Choice::Start
    }

    /// A process has answered and will ask for more.
    pub(super) fn answered(&self) {
        self.queue().returning += 1;
    }

    /// It asked for more and is frozen: the first waiting caller gets it.
    pub(super) fn returned(&self, mailbox: Mailbox) {
        let mut queue = self.queue();
        queue.returning -= 1;
        let mut mailbox = Some(mailbox);
        while let Some(caller) = queue.waiting.pop_front() {
            match caller.send(mailbox.take()) {
                Ok(()) => return,
                Err(back) => mailbox = back,
            }
        }
        queue.idle.extend(mailbox);
    }

    /// It ended instead of asking for more: one caller too many may be waiting.
    pub(super) fn lost_after_answer(&self) {
        let mut queue = self.queue();
        queue.returning -= 1;
        while queue.waiting.len() > queue.returning {
            if let Some(caller) = queue.waiting.pop_front() {
                drop(caller.send(None));
            }
        }
    }

    /// What Lambda sets, then what the template says.
    pub(super) fn environment(&self, program: &Path, runtime_api: &str) -> BTreeMap<String, String> {
        let spec = &self.spec;
        let root = program.parent().unwrap_or(Path::new("/")).display().to_string();
        let mut environment: BTreeMap<String, String> = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
            ("LAMBDA_TASK_ROOT", &root),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_LAMBDA_RUNTIME_API", runtime_api),
            ("AWS_LAMBDA_FUNCTION_NAME", &spec.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &spec.memory_mib.to_string()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", spec.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("_HANDLER", &spec.handler),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        environment.extend(spec.environment.clone());
        environment
    }
}
