//! The server process: comes up, says so, answers until SIGTERM.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::serve::ListenerExt;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::config::Config;
use crate::environment::Environment;
use crate::http::{Daemon, router};
use crate::log_file::LogFile;
use crate::{oom, ready};

/// Two, so that one busy connection does not hold up the others; more would only cost memory.
const WORKERS: usize = 2;
/// File work and starts of processes run on these; each costs memory only while it is in use. Walks, which take
/// longest, may have only a part of them ([`crate::http::stream`]).
const BLOCKING_THREADS: usize = 64;

/// Serves with what init put at stdin and stdout, or on a listener of its own. `entrypoint` is run beside it.
pub fn run(inherited: bool, entrypoint: &[OsString]) -> Result<ExitCode> {
    // Init waits for signals by blocking them, and children inherit that; so would every command we spawn.
    SigSet::all().thread_unblock()?;
    if inherited {
        // Without init nobody would replace or end us.
        prctl::set_pdeathsig(Signal::SIGTERM)?;
    }
    let config = Config::from_env()?;
    let log = LogFile::open(config.log.clone());
    tracing_subscriber::fmt().with_max_level(config.log_level).with_ansi(false).with_writer(log).init();
    oom::shield_self();
    let listener = if inherited { inherited_listener()? } else { own_listener(config.port)? };
    listener.set_nonblocking(true)?;
    let environment = if inherited { inherited_environment()? } else { Environment::inherited() };
    let daemon = Arc::new(Daemon::start(&config, environment)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()?;
    let end = runtime.block_on(serve(config, listener, daemon, entrypoint));
    // A walk that still runs must not hold up the end.
    runtime.shutdown_background();
    end.map(|()| ExitCode::SUCCESS)
}

async fn serve(config: Config, listener: StdListener, daemon: Arc<Daemon>, entrypoint: &[OsString]) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    info!(version = crate::VERSION, address = ?listener.local_addr()?, work_dir = ?daemon.work_dir, "listening");
    if !entrypoint.is_empty() {
        let words: Vec<_> = entrypoint.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        if let Err(error) = daemon.sessions.start_entrypoint(&words).await {
            warn!(%error, "the container's own command is not run");
        }
    }
    if let Some(socket) = config.ready_socket {
        tokio::spawn(async move { ready::push(&socket).await });
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Answers are small and awaited one by one: Nagle's delay would dominate them.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::select! {
        end = axum::serve(listener, router::router(daemon)) => end.context("serving"),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// A copy of the descriptor at stdin; children get their own stdin, so the original leaks to none.
fn inherited_listener() -> Result<StdListener> {
    let descriptor = std::io::stdin().as_fd().try_clone_to_owned().context("taking the listener from stdin")?;
    Ok(StdListener::from(descriptor))
}

fn inherited_environment() -> Result<Environment> {
    let descriptor = std::io::stdout().as_fd().try_clone_to_owned().context("taking the environment from stdout")?;
    Ok(Environment::kept_in(File::from(descriptor)))
}

fn own_listener(port: u16) -> Result<StdListener> {
    StdListener::bind((Ipv4Addr::UNSPECIFIED, port)).with_context(|| format!("binding port {port}"))
}
