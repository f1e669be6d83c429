//! `cargo xtask down`.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::paths::{DEFAULT_STATE, StateDir};
use crate::process::{require_root, wait_until};
use crate::progress::{note, step};
use crate::stack::{self, Secrets};
use crate::{engine, paths};

/// Longest that a supervisor may take: sandboxes are stopped with patience.
const LIMIT: Duration = Duration::from_secs(180);

/// Stop the stack
///
/// Stops the agents, the sandboxes, the AWS endpoint, and dockerd if `up` had started it. Everything is kept: the next
/// `up` starts the sandboxes again that were running. With --wipe everything is forgotten: sandboxes with their
/// files, networks, firewall tables, the table, the API key. What was expensive to make (.paddock/cache) stays.
#[derive(Args)]
pub struct Down {
    /// Forget everything
    #[arg(long)]
    wipe: bool,
    /// The folder that `up` was given
    #[arg(long, default_value = DEFAULT_STATE, value_name = "FOLDER")]
    state_dir: PathBuf,
}

impl Down {
    pub fn run(&self) -> Result<()> {
        let state = StateDir::new(&self.state_dir);
        require_root("cargo xtask down")?;
        if !state.path().is_dir() {
            note(&format!("Nothing to do: there is no {}.", state.path().display()));
            return Ok(());
        }
        take_down(&state, self.wipe)
    }
}

/// Stops what runs; `wipe` also forgets it.
pub fn take_down(state: &StateDir, wipe: bool) -> Result<()> {
    let secrets = Secrets::load(state)?;
    match stack::holder(state)? {
        Some(holder) => step("Stopping the stack", || {
            kill(Pid::from_raw(holder.pid), Signal::SIGTERM).context("cannot reach the supervisor")?;
            wait_until("the supervisor has ended", LIMIT, || Ok(stack::holder(state)?.is_none()))
        })?,
        None => stop_orphans(state, secrets.as_ref())?,
    }
    if wipe {
        step("Forgetting everything", || forget(state, secrets.as_ref()))?;
    }
    Ok(())
}

/// The supervisor was killed: its processes are found by their marks.
fn stop_orphans(state: &StateDir, secrets: Option<&Secrets>) -> Result<()> {
    let old = stack::find_leftovers(state)?;
    if old.is_empty() && secrets.is_none() {
        return Ok(());
    }
    if !old.is_empty() {
        step("Ending what a killed stack left", || stack::end_leftovers(&old, false))?;
    }
    if let Some(secrets) = secrets.filter(|_| engine::answers()) {
        step("Stopping the sandboxes", || stack::stop_sandboxes(secrets))?;
    }
    if engine::is_used()? {
        stack::disown(state, "dockerd");
    } else {
        stack::end_leftovers(&old, true)?;
    }
    Ok(())
}

fn forget(state: &StateDir, secrets: Option<&Secrets>) -> Result<()> {
    with_engine(state, || {
        stack::wipe(state, secrets)?;
        let remains = stack::remains(state, secrets)?;
        if remains.is_empty() { Ok(()) } else { bail!("left behind: {}", remains.join(", ")) }
    })?;
    let old = stack::find_leftovers(state)?;
    if !old.is_empty() {
        bail!("still running: {}", old.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }
    for entry in fs::read_dir(state.path())? {
        let path = entry?.path();
        if path == paths::cache() {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    // Fails while it holds the cache, and then it shall stay.
    let _ = fs::remove_dir(state.path());
    Ok(())
}

/// Containers can only be removed by an engine; ours may have ended with the stack.
fn with_engine(state: &StateDir, work: impl FnOnce() -> Result<()>) -> Result<()> {
    if engine::answers() || !crate::process::installed("dockerd") {
        return work();
    }
    let log = fs::OpenOptions::new().create(true).append(true).open(state.log("dockerd"))?;
    let mut dockerd = engine::daemon();
    let mut child =
        dockerd.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().context("cannot run dockerd")?;
    let result = engine::wait_until_it_answers(|| true).and_then(|()| work());
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM)?;
    child.wait()?;
    result.and(engine::unmount_root())
}
