//! One child process: started so that it dies with us, frozen and thawed by signals.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child as TokioChild, Command};
use tokio::sync::oneshot;

/// A running process of a function.
pub(super) struct Child {
    process: TokioChild,
    pid: Pid,
}

impl Child {
    /// Starts `program` with nothing but the given environment. Its output goes to the log.
    pub(super) async fn start(
        function: &str,
        program: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> std::io::Result<Self> {
        let mut command = std::process::Command::new(program);
        command.env_clear().envs(environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        die_with_parent(&mut command);
        let mut process = spawn_from_lasting_thread(command).await?;
        let id = process.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
        if let Some(stdout) = process.stdout.take() {
            tokio::spawn(log_lines(function.to_owned(), id, stdout));
        }
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(log_lines(function.to_owned(), id, stderr));
        }
        Ok(Self { process, pid: Pid::from_raw(id) })
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Lambda's freeze.
    pub(super) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub(super) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Ends it, frozen or not, and waits until it is gone.
    pub(super) async fn kill(&mut self) {
        if let Err(error) = self.process.kill().await {
            tracing::debug!(%error, pid = self.pid(), "kill");
        }
    }

    pub(super) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.process.wait().await
    }

    fn signal(&self, signal: Signal) {
        // The pid is ours until `wait` has reaped it, and only the owner task does either.
        if self.process.id().is_some()
            && let Err(error) = kill(self.pid, signal)
        {
            tracing::debug!(%error, pid = self.pid(), %signal, "signal");
        }
    }
}

impl Drop for Child {
    // An owner task that is aborted must not leave a frozen process behind.
    fn drop(&mut self) {
        drop(self.process.start_kill());
    }
}

#[expect(unsafe_code, reason = "pre_exec is the only place where PR_SET_PDEATHSIG can be set for a child")]
fn die_with_parent(command: &mut std::process::Command) {
    let parent = nix::unistd::getpid();
    // SAFETY: between fork and exec only prctl and getppid are called; both are async-signal-safe
    // and neither allocates.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // The parent may have died before the line above took effect.
            if getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
        });
    }
}

/// More starts than this at once make their callers wait a moment.
const SPAWNS_WAITING: usize = 64;

struct SpawnRequest {
    command: std::process::Command,
    runtime: tokio::runtime::Handle,
    reply: oneshot::Sender<std::io::Result<TokioChild>>,
}

/// The death signal fires when the *thread* that forked ends, not the process. Runtime threads come
/// and go, so all children are forked by one thread that never ends.
async fn spawn_from_lasting_thread(command: std::process::Command) -> std::io::Result<TokioChild> {
    static SPAWNER: OnceLock<std::sync::mpsc::SyncSender<SpawnRequest>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, requests) = std::sync::mpsc::sync_channel::<SpawnRequest>(SPAWNS_WAITING);
        std::thread::spawn(move || {
            for request in requests {
                let _entered = request.runtime.enter();
                let child = Command::from(request.command).kill_on_drop(true).spawn();
                drop(request.reply.send(child));
            }
        });
        sender
    });
    let (reply, child) = oneshot::channel();
    let request = SpawnRequest { command, runtime: tokio::runtime::Handle::current(), reply };
    let gone = |_| std::io::Error::other("the thread that starts processes is gone");
    spawner.send(request).map_err(|_| std::io::Error::other("the thread that starts processes is gone"))?;
    child.await.map_err(gone)?
}

async fn log_lines(function: String, pid: i32, output: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(output).lines();
    loop {
        match lines.next_line().await {
            Ok(Some(line)) => tracing::info!(target: "function", function, pid, "{line}"),
            Ok(None) => return,
            // Not UTF-8: skip the line, keep reading, else the pipe fills and the function hangs.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {}
            Err(_) => return,
        }
    }
}
