//! Somebody wants us to end: waits give up, and the programs that we wait for are told.
//!
//! Such programs run in process groups of their own, so that a terminal's Ctrl-C reaches us alone and a supervisor's
//! `down` reaches their children too.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

static STATE: Mutex<State> = Mutex::new(State { signal: None, running: Vec::new() });
static CHANGED: Condvar = Condvar::new();

struct State {
    /// The last signal that was not yet answered.
    signal: Option<&'static str>,
    /// Whom to tell: processes, and groups as negative numbers, of children that nobody has reaped.
    running: Vec<i32>,
}

/// Listens to SIGINT, SIGTERM and SIGHUP from now on. By handlers and not by a blocked mask: children inherit a mask and
/// would never hear SIGTERM.
pub fn listen() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in &mut signals {
            let mut state = state();
            state.signal = Some(signal_name(signal).unwrap_or("a signal"));
            state.running.iter().copied().for_each(terminate);
            CHANGED.notify_all();
        }
    })?;
    Ok(())
}

/// Whether somebody wants us to end.
pub fn is_interrupted() -> bool {
    state().signal.is_some()
}

/// Waits until somebody wants us to end, and by which signal.
pub fn wait_for_signal() -> &'static str {
    let mut state = state();
    loop {
        if let Some(signal) = state.signal {
            return signal;
        }
        state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// From here on we end in order, and waiting makes sense again.
pub fn resume() {
    state().signal = None;
}

/// A child that is told when we are interrupted.
pub struct Watched {
    pub child: Child,
    target: i32,
}

impl Watched {
    /// With its children, in a group of their own.
    pub fn spawn(command: &mut Command) -> std::io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let group = -child.id().cast_signed();
        Ok(Self::known(child, group))
    }

    /// Alone: it passes on what it hears.
    pub fn spawn_leader(command: &mut Command) -> std::io::Result<Self> {
        let child = command.spawn()?;
        let pid = child.id().cast_signed();
        Ok(Self::known(child, pid))
    }

    pub fn wait(mut self) -> std::io::Result<ExitStatus> {
        self.child.wait()
    }

    fn known(child: Child, target: i32) -> Self {
        let mut state = state();
        state.running.push(target);
        if state.signal.is_some() {
            terminate(target);
        }
        Self { child, target }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        state().running.retain(|other| *other != self.target);
    }
}

fn terminate(target: i32) {
    let _ = kill(Pid::from_raw(target), Signal::SIGTERM);
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
