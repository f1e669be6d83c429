//! A server process, and the tasks that write to it and read from it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::codec::FramedRead;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use super::LspError;
use super::framing::{Messages, encode};
use super::language::Language;
use crate::environment::Variables;
use crate::process::spawn;

/// Messages that wait for the server to read them; a whole file is one.
const OUTBOX: usize = 64;
/// A large project may take that long.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);
/// For the server to end by itself.
const FAREWELL: Duration = Duration::from_secs(2);

type Reply = oneshot::Sender<Result<Value, LspError>>;
type Awaited = Arc<Mutex<BTreeMap<u64, Reply>>>;

/// Ends with its handle.
#[derive(Debug)]
pub struct Connection {
    outbox: mpsc::Sender<Vec<u8>>,
    awaited: Awaited,
    last: AtomicU64,
    ended: CancellationToken,
    _stop: DropGuard,
    stop: CancellationToken,
}

/// Reads what the server says, and sees its end.
struct Reader {
    child: Child,
    group: Pid,
    messages: FramedRead<ChildStdout, Messages>,
    outbox: mpsc::WeakSender<Vec<u8>>,
    awaited: Awaited,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Connection {
    /// Starts the program of the language in the project.
    pub fn start(language: Language, environment: &Variables, project: &Path) -> Result<Self, LspError> {
        let (program, arguments) = language.program(environment).ok_or_else(|| LspError::Missing(language.names()))?;
        let failed = |error: std::io::Error| LspError::Start(format!("{}: {error}", program.display()));
        let mut command = spawn::command(program.as_os_str(), project, environment);
        command.args(arguments).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(failed)?;
        let parts = (child.id(), child.stdin.take(), child.stdout.take());
        let (Some(pid), Some(stdin), Some(stdout)) = parts else {
            return Err(LspError::Start("it ended at once".to_owned()));
        };
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        let (stop, ended, awaited) = (CancellationToken::new(), CancellationToken::new(), Awaited::default());
        let reader = Reader {
            child,
            group: Pid::from_raw(pid.cast_signed()),
            messages: FramedRead::new(stdout, Messages::default()),
            outbox: outbox.downgrade(),
            awaited: Arc::clone(&awaited),
            stop: stop.clone(),
            ended: ended.clone(),
        };
        tokio::spawn(write(inbox, stdin));
        tokio::spawn(reader.run());
        Ok(Self { outbox, awaited, last: AtomicU64::new(0), ended, _stop: stop.clone().drop_guard(), stop })
    }

    /// Whether it can be asked.
    pub fn lives(&self) -> bool {
        !self.ended.is_cancelled()
    }

    /// Asks and waits.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, LspError> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (reply, answer) = oneshot::channel();
        lock(&self.awaited).insert(id, reply);
        // Also when the caller goes away.
        let _forget = Forget { awaited: &self.awaited, id };
        let asked = async {
            self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await?;
            tokio::select! {
                answer = answer => answer.map_err(|_| LspError::Ended)?,
                () = self.ended.cancelled() => Err(LspError::Ended),
            }
        };
        match timeout(LONGEST_REQUEST, asked).await {
            Ok(answer) => answer,
            Err(_) => {
                self.notify("$/cancelRequest", json!({ "id": id })).await?;
                Err(LspError::Timeout(LONGEST_REQUEST))
            }
        }
    }

    /// Tells.
    pub async fn notify(&self, method: &str, params: Value) -> Result<(), LspError> {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": params })).await
    }

    /// Until all its processes are gone.
    pub async fn end(&self) {
        let polite = async {
            let _ = self.request("shutdown", Value::Null).await;
            let _ = self.notify("exit", Value::Null).await;
            self.ended.cancelled().await;
        };
        let _ = timeout(FAREWELL, polite).await;
        self.stop.cancel();
        self.ended.cancelled().await;
    }

    async fn send(&self, message: Value) -> Result<(), LspError> {
        let sent = timeout(LONGEST_REQUEST, self.outbox.send(encode(&message))).await;
        sent.map_err(|_| LspError::Timeout(LONGEST_REQUEST))?.map_err(|_| LspError::Ended)
    }
}

impl Reader {
    async fn run(mut self) {
        loop {
            let message = tokio::select! {
                () = self.stop.cancelled() => break,
                _ = self.child.wait() => break,
                message = self.messages.next() => message,
            };
            match message {
                Some(Ok(message)) => self.read(message),
                Some(Err(error)) => {
                    warn!(%error, "a language server says what cannot be understood");
                    break;
                }
                None => break,
            }
        }
        // ESRCH: they ended in this moment.
        let _ = killpg(self.group, Signal::SIGKILL);
        let _ = self.child.wait().await;
        self.ended.cancel();
        lock(&self.awaited).clear();
    }

    fn read(&self, mut message: Value) {
        let (id, method) = (message["id"].take(), message["method"].take());
        match (id, method) {
            (id, Value::String(method)) if !id.is_null() => self.answer(&id, &method, &message["params"]),
            // Told, not asked.
            (_, Value::String(_)) => {}
            (id, _) => {
                let reply = id.as_u64().and_then(|id| lock(&self.awaited).remove(&id));
                let answer = match message["error"].take() {
                    Value::Null => Ok(message["result"].take()),
                    error => Err(LspError::Server(error["message"].as_str().unwrap_or("unknown error").to_owned())),
                };
                if let Some(reply) = reply {
                    // Its caller may have gone.
                    let _ = reply.send(answer);
                }
            }
        }
    }

    /// Servers ask too, and some wait for the answer: there are no settings, and everything is fine.
    fn answer(&self, id: &Value, method: &str, params: &Value) {
        let result = match method {
            "workspace/configuration" => params["items"].as_array().map(|items| vec![Value::Null; items.len()]).into(),
            _ => Value::Null,
        };
        let answer = encode(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        if let Some(outbox) = self.outbox.upgrade()
            && outbox.try_send(answer).is_err()
        {
            warn!(method, "a language server asks and does not read");
        }
    }
}

/// Ends with the connection's handle, and with the server.
async fn write(mut inbox: mpsc::Receiver<Vec<u8>>, mut stdin: ChildStdin) {
    while let Some(message) = inbox.recv().await {
        if stdin.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// Takes back a request.
struct Forget<'a> {
    awaited: &'a Awaited,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.awaited).remove(&self.id);
    }
}

fn lock(awaited: &Awaited) -> MutexGuard<'_, BTreeMap<u64, Reply>> {
    awaited.lock().unwrap_or_else(PoisonError::into_inner)
}
