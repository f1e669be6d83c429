//! One terminal, from its creation to the end of its shell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use nix::libc::{SIGINT, SIGKILL, SIGTERM};
use time::OffsetDateTime;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::clients::{Attachment, Clients};
use super::device::Device;
use super::{PtyError, PtyResult, Register, Size};
use crate::environment::Variables;
use crate::lock::lock;
use crate::process::exit_code;
use crate::process::tree::{self, Mark};

/// Messages of all clients that may wait until the programs read them.
const TYPED_AHEAD: usize = 64;
/// Until a shell's last output has arrived.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// Until a killed shell is seen to have ended.
const KILLED: Duration = Duration::from_secs(5);

/// A terminal.
#[derive(Debug)]
pub struct Terminal {
    pub id: String,
    /// What its creator added to the sandbox's.
    pub envs: BTreeMap<String, String>,
    pub lazy_start: bool,
    pub created_at: OffsetDateTime,
    directory: PathBuf,
    clients: Clients,
    state: Mutex<State>,
    ended: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    size: Size,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Waiting(Plan),
    Running(Running),
    Ended,
}

/// What to start, and where.
#[derive(Debug)]
pub struct Plan {
    pub directory: PathBuf,
    pub environment: Variables,
}

#[derive(Debug)]
struct Running {
    device: Arc<Device>,
    shell: Option<i32>,
    mark: Mark,
    input: mpsc::Sender<Bytes>,
}

/// How a shell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub i32);

impl Exit {
    /// In words; none for a good end.
    pub fn reason(self) -> Option<String> {
        const SIGNALLED: i32 = 128;
        const INTERRUPTED: i32 = SIGNALLED + SIGINT;
        const KILLED: i32 = SIGNALLED + SIGKILL;
        const TERMINATED: i32 = SIGNALLED + SIGTERM;
        match self.0 {
            0 => None,
            INTERRUPTED => Some("Ctrl+C".to_owned()),
            KILLED => Some("SIGKILL".to_owned()),
            TERMINATED => Some("SIGTERM".to_owned()),
            code if code > SIGNALLED => Some(format!("signal {}", code - SIGNALLED)),
            _ => Some("non-zero exit".to_owned()),
        }
    }
}

impl Terminal {
    /// Without its shell.
    pub fn new(id: String, envs: BTreeMap<String, String>, size: Size, lazy_start: bool, plan: Plan) -> Self {
        Self {
            id,
            envs,
            lazy_start,
            created_at: OffsetDateTime::now_utc(),
            directory: plan.directory.clone(),
            clients: Clients::default(),
            state: Mutex::new(State { size, stage: Stage::Waiting(plan) }),
            ended: watch::Sender::new(false),
        }
    }

    /// Where its shell begins.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// In characters.
    pub fn size(&self) -> Size {
        lock(&self.state).size
    }

    /// Whether its shell runs.
    pub fn is_active(&self) -> bool {
        matches!(lock(&self.state).stage, Stage::Running(_))
    }

    /// Starts the shell, unless it was started already. Blocks.
    pub fn start(self: &Arc<Self>, register: &Register) -> PtyResult<()> {
        self.running(register, |_| ())
    }

    /// One more client; starts the shell if it is the first. Blocks.
    pub fn attach(self: &Arc<Self>, register: &Register) -> PtyResult<Attachment> {
        self.running(register, |running| self.clients.add(running.input.clone()))
    }

    /// A terminal that waits for its shell begins with the new size.
    pub fn resize(&self, size: Size) -> PtyResult<()> {
        let mut state = lock(&self.state);
        match &state.stage {
            Stage::Waiting(_) => {}
            Stage::Running(running) => {
                running.device.resize(size).map_err(|error| PtyError::Internal(format!("resizing: {error}")))?;
            }
            Stage::Ended => return Err(PtyError::NotFound(self.id.clone())),
        }
        state.size = size;
        Ok(())
    }

    /// Ends its shell with all that came of it; returns when its clients were told.
    pub async fn kill(&self, register: &Register) {
        let running = match &lock(&self.state).stage {
            Stage::Running(running) => Some((running.shell, running.mark.clone())),
            Stage::Waiting(_) | Stage::Ended => None,
        };
        let Some((shell, mark)) = running else { return self.end(register, Exit(128 + SIGKILL)) };
        tree::kill_all(shell, &mark).await;
        // A shell that became another user's program cannot be killed by us.
        let _ = timeout(KILLED, self.ended.subscribe().wait_for(|ended| *ended)).await;
        self.end(register, Exit(128 + SIGKILL));
    }

    fn running<T>(self: &Arc<Self>, register: &Register, then: impl FnOnce(&Running) -> T) -> PtyResult<T> {
        let mut state = lock(&self.state);
        let size = state.size;
        match &mut state.stage {
            Stage::Running(running) => Ok(then(running)),
            Stage::Ended => Err(PtyError::NotFound(self.id.clone())),
            Stage::Waiting(plan) => {
                let mark = Mark::add_to(&mut plan.environment);
                let (device, child) = match Device::start(plan, size) {
                    Ok(started) => started,
                    Err(why) => {
                        drop(state);
                        self.end(register, Exit(-1));
                        return Err(PtyError::Internal(why));
                    }
                };
                let (device, (input, typed)) = (Arc::new(device), mpsc::channel(TYPED_AHEAD));
                let shell = child.id().map(u32::cast_signed);
                let running = Running { device: Arc::clone(&device), shell, mark, input };
                let result = then(&running);
                state.stage = Stage::Running(running);
                tokio::spawn(Arc::clone(self).live(Arc::clone(register), child, device, typed));
                Ok(result)
            }
        }
    }

    async fn live(
        self: Arc<Self>,
        register: Register,
        mut child: Child,
        device: Arc<Device>,
        mut typed: mpsc::Receiver<Bytes>,
    ) {
        let keys = Arc::clone(&device);
        let typing = tokio::spawn(async move {
            while let Some(bytes) = typed.recv().await
                && keys.write(&bytes).await.is_ok()
            {}
        });
        let mut is_open = true;
        let status = loop {
            tokio::select! {
                biased;
                chunk = device.read(), if is_open => match chunk {
                    Ok(chunk) => self.clients.pass(chunk.into()).await,
                    Err(_) => is_open = false,
                },
                status = child.wait() => break status,
            }
        };
        while is_open && let Ok(Ok(chunk)) = timeout(LAST_WORDS, device.read()).await {
            self.clients.pass(chunk.into()).await;
        }
        typing.abort();
        self.end(&register, Exit(status.map_or(-1, exit_code)));
    }

    fn end(&self, register: &Register, exit: Exit) {
        {
            let mut open = lock(register);
            // The name may be another's by now.
            if open.get(&self.id).is_some_and(|terminal| std::ptr::eq(&raw const **terminal, self)) {
                open.remove(&self.id);
            }
        }
        lock(&self.state).stage = Stage::Ended;
        self.clients.part(exit);
        self.ended.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        for (code, reason) in [
            (0, None),
            (1, Some("non-zero exit")),
            (130, Some("Ctrl+C")),
            (137, Some("SIGKILL")),
            (139, Some("signal 11")),
            (143, Some("SIGTERM")),
        ] {
            assert_eq!(Exit(code).reason().as_deref(), reason);
        }
    }
}
