//! PID 1. Everything orphaned in the container becomes its child, so it does nothing but wait:
//!
//! ```text
//!   bind listener ─► start server ─► wait for a signal ◄──────────────┐
//!                        ▲            │ SIGCHLD: reap all that ended ──┤
//!                        ├────────────┤   the server among them: restart, at most 5 in 60 s
//!                        └────────────┤ SIGALRM: a start failed and counts as one of the 5; again
//!                                     └ SIGTERM, SIGINT: pass on, wait until all are gone (≤ 2 s), exit
//! ```
//!
//! The server is a process of its own, because reaping everything in the process that also spawns
//! would steal the exit statuses of its children. Init binds the listener and hands it to each
//! server: callers wait in its backlog while a killed server is replaced, and no tenant can take the port.
//! Likewise it holds the file that keeps changes of the environment.

mod restarts;
mod server;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, alarm, getpid};

use self::restarts::Restarts;
use self::server::Server;
use crate::config::{Config, LogConfig};
use crate::log_file::LogFile;
use crate::oom;

/// How long processes have to end after SIGTERM.
const GRACE_SECONDS: u32 = 2;
/// Until a start that failed is tried again.
const RETRY_SECONDS: u32 = 5;

/// Runs until told to stop, or until the server cannot be kept alive.
pub fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let log = LogFile::open(LogConfig::from_env());
    let config = Config::from_env()?;
    let signals = SigSet::from_iter([Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGALRM]);
    signals.thread_block().context("blocking signals")?;
    // Also when something else is PID 1: orphans come to us, not to it.
    prctl::set_child_subreaper(true).context("becoming a subreaper")?;
    oom::shield_self();
    let mut server = Server::bind(config.port, arguments.to_vec())?;
    let mut restarts = Restarts::default();
    server.start().context("starting the server")?;
    loop {
        match signals.wait()? {
            Signal::SIGTERM | Signal::SIGINT => return Ok(stop(&server, &signals)),
            Signal::SIGCHLD => match reap(&mut server) {
                Some(end) => log.line(&format!("the server ended: {end:?}")),
                None => continue,
            },
            Signal::SIGALRM if server.pid().is_none() => {}
            _ => continue,
        }
        if !restarts.allowed(Instant::now()) {
            log.line("the server ended too often, giving up");
            return Ok(ExitCode::FAILURE);
        }
        if let Err(error) = server.start() {
            // The tenant's processes may have used up what the container may have; the listener and callers can wait.
            log.line(&format!("the server cannot be started: {error:#}"));
            alarm::set(RETRY_SECONDS);
        }
    }
}

/// Takes all that ended; returns the server's end if it is among them. One SIGCHLD may stand for many.
fn reap(server: &mut Server) -> Option<WaitStatus> {
    let mut end = None;
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return end,
            Ok(status) if status.pid() == server.pid() => {
                server.ended();
                end = Some(status);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return end,
        }
    }
}

/// Lets everything end by itself for a short while. As PID 1 all processes are ours to tell; as an
/// ordinary process only the server is. Whatever is left dies with PID 1.
fn stop(server: &Server, signals: &SigSet) -> ExitCode {
    let everyone = Pid::from_raw(-1);
    let target = if getpid().as_raw() == 1 { Some(everyone) } else { server.pid() };
    let Some(target) = target else { return ExitCode::SUCCESS };
    let _ = kill(target, Signal::SIGTERM);
    alarm::set(GRACE_SECONDS);
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return ExitCode::SUCCESS,
            Ok(WaitStatus::StillAlive) => {}
            Ok(status) if status.pid() == Some(target) => return ExitCode::SUCCESS,
            _ => continue,
        }
        if signals.wait() == Ok(Signal::SIGALRM) {
            return ExitCode::SUCCESS;
        }
    }
}
