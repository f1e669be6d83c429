//! One supervised process: a thread starts it, waits for its end and starts it again, with a growing pause, until told to stop.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::leftovers;
use crate::paths::StateDir;
use crate::progress::note;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// After a life this long the next pause is the first again.
const GOOD_LIFE: Duration = Duration::from_secs(30);

const LONGEST_LOG: u64 = 16 << 20;

/// What to run.
pub struct Spec {
    pub name: String,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// How long it may take to end after SIGTERM.
    pub patience: Duration,
}

/// A running service.
pub struct Service {
    name: String,
    patience: Duration,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    status: Mutex<Status>,
    changed: Condvar,
}

#[derive(Default)]
struct Status {
    /// Set exactly while the process is not yet reaped, so that a signal cannot hit a stranger.
    pid: Option<i32>,
    stopping: bool,
    ended: bool,
    /// Ends that nobody asked for.
    deaths: u32,
}

impl Service {
    /// Starts it for the first time; a program that cannot be started at all is an error.
    pub fn start(state: &StateDir, spec: Spec) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let (name, patience) = (spec.name.clone(), spec.patience);
        keep_log_short(&state.log(&name))?;
        let keeper = Keeper { state: state.clone(), spec, shared: Arc::clone(&shared) };
        let first = keeper.spawn()?;
        let thread = std::thread::Builder::new().name(name.clone()).spawn(move || keeper.keep(first))?;
        Ok(Self { name, patience, shared, thread: Some(thread) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it ended by itself.
    pub fn deaths(&self) -> u32 {
        self.shared.lock().deaths
    }

    /// SIGTERM, patience, SIGKILL.
    pub fn stop(&mut self) {
        let mut status = self.shared.lock();
        status.stopping = true;
        self.shared.changed.notify_all();
        signal(&status, Signal::SIGTERM);
        let waited = self.shared.changed.wait_timeout_while(status, self.patience, |status| !status.ended);
        let (status, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            note(&format!("{} did not end within {} s: killed", self.name, self.patience.as_secs()));
            signal(&status, Signal::SIGKILL);
        }
        drop(status);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stack that is started daily would fill the disk in years; the last log is kept beside.
fn keep_log_short(log: &Path) -> Result<()> {
    if std::fs::metadata(log).is_ok_and(|metadata| metadata.len() > LONGEST_LOG) {
        std::fs::rename(log, log.with_extension("log.old"))?;
    }
    Ok(())
}

fn signal(status: &Status, signal: Signal) {
    if let Some(pid) = status.pid {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// The thread's side.
struct Keeper {
    state: StateDir,
    spec: Spec,
    shared: Arc<Shared>,
}

impl Keeper {
    fn keep(self, first: Child) {
        let mut child = Some(first);
        let mut pause = FIRST_PAUSE;
        loop {
            let born = Instant::now();
            let end = match child.take() {
                Some(child) => self.wait(child),
                None => "could not be started again".to_owned(),
            };
            if born.elapsed() > GOOD_LIFE {
                pause = FIRST_PAUSE;
            }
            if !self.pause_before_restart(&end, pause) {
                break;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            child = self.spawn_unless_stopping();
        }
        leftovers::forget(&self.state, &self.spec.name);
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }

    /// Waits without reaping, so that the pid stays ours until the status says that it is gone.
    fn wait(&self, mut child: Child) -> String {
        let pid = Pid::from_raw(child.id().cast_signed());
        while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(nix::errno::Errno::EINTR) {}
        let mut status = self.shared.lock();
        status.pid = None;
        child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// False when it shall not be started again.
    fn pause_before_restart(&self, end: &str, pause: Duration) -> bool {
        let mut status = self.shared.lock();
        if status.stopping {
            return false;
        }
        status.deaths += 1;
        let log = self.state.log(&self.spec.name);
        note(&format!("{} ended ({end}); starting it again. Its log: {}", self.spec.name, log.display()));
        let waited = self.shared.changed.wait_timeout_while(status, pause, |status| !status.stopping);
        let (status, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !status.stopping
    }

    fn spawn_unless_stopping(&self) -> Option<Child> {
        match self.spawn() {
            Ok(child) => Some(child),
            Err(error) => {
                note(&format!("{error:#}"));
                None
            }
        }
    }

    fn spawn(&self) -> Result<Child> {
        let path = self.state.log(&self.spec.name);
        let log = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut command = Command::new(&self.spec.program);
        command.args(&self.spec.args).envs(self.spec.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(crate::paths::repo());
        // A group of its own: Ctrl-C in the terminal reaches the supervisor only, which then stops things in order.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // Under the lock, so that `stop` sees either no process or its pid.
        let mut status = self.shared.lock();
        let child = command.spawn().with_context(|| format!("cannot run {}", self.spec.program.display()))?;
        status.pid = Some(child.id().cast_signed());
        if status.stopping {
            signal(&status, Signal::SIGTERM);
        }
        drop(status);
        leftovers::remember(&self.state, &self.spec.name, child.id().cast_signed())?;
        Ok(child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::wait_until;

    /// Only a broken build waits that long.
    const LIMIT: Duration = Duration::from_secs(60);

    fn shell(name: &str, line: &str) -> Spec {
        let args = vec!["-c".to_owned(), line.to_owned()];
        Spec {
            name: name.to_owned(),
            program: "/bin/sh".into(),
            args,
            env: Vec::new(),
            patience: Duration::from_millis(500),
        }
    }

    fn state() -> (tempfile::TempDir, StateDir) {
        let folder = tempfile::tempdir().expect("folder");
        let state = StateDir::new(folder.path());
        state.create().expect("create");
        (folder, state)
    }

    #[test]
    fn starts_again_what_died_and_stops_for_good() {
        let (_folder, state) = state();
        let mut service = Service::start(&state, shell("short", "echo born")).expect("start");
        wait_until("it died twice", LIMIT, || Ok(service.deaths() >= 2)).expect("restarts");
        service.stop();
        let born = std::fs::read_to_string(state.log("short")).expect("log").lines().count();
        assert!(born >= 2, "{born} lives");
        assert!(leftovers::find(&state).expect("find").is_empty());
    }

    #[test]
    fn kills_what_ignores_the_polite_signal() {
        let (_folder, state) = state();
        let mut service =
            Service::start(&state, shell("stubborn", "trap '' TERM; echo ready; while :; do sleep 1; done"))
                .expect("start");
        let log = state.log("stubborn");
        wait_until("it is deaf", LIMIT, || Ok(std::fs::read_to_string(&log)?.contains("ready"))).expect("ready");
        service.stop();
        assert_eq!(service.deaths(), 0);
        assert!(service.shared.lock().pid.is_none());
    }
}
