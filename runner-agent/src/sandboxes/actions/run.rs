//! Bring a container up, and its daemon to answer.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use paddock_wire::work::Env;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Failure;
use crate::{
    engine::{Container, Limits, labels::Size},
    network::uts::set_host_name,
    readiness::Readiness,
    sandboxes::{daemon::DaemonError, host::Host, state::Body},
};

/// A daemon that takes longer than this to answer will not answer at all.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Readiness is pushed; asking is for daemons that could not reach us, such as after an agent's restart.
const ASK_EVERY: Duration = Duration::from_millis(250);
const ENV_ATTEMPTS: u32 = 3;

/// Starts a stopped sandbox, its network first.
///
/// # Errors
/// When there is no room, or the engine cannot.
pub async fn start(host: &Host, sandbox: Uuid, body: &Body) -> Result<SocketAddr, Failure> {
    guarded(host)?;
    let room = host.holdings.admit(sandbox, body.epoch, body.size);
    room.map_err(|no_room| Failure::NoRoom(no_room.to_string()))?;
    let _turn = host.starts.begin().await;
    let started = bring_up(host, sandbox, body).await;
    if started.is_err() {
        host.holdings.park(sandbox, body.epoch);
    }
    started
}

/// Ends a container that is of no use as it is, and starts it again: it joins the network anew.
///
/// # Errors
/// When the engine cannot.
pub async fn recover(host: &Host, sandbox: Uuid, body: &Body) -> Result<SocketAddr, Failure> {
    guarded(host)?;
    let _turn = host.starts.begin().await;
    host.engine.stop(&body.container, Duration::ZERO).await?;
    bring_up(host, sandbox, body).await
}

/// Gives a sandbox other sizes, if there is room for them.
///
/// # Errors
/// When there is no room, or the engine cannot.
pub async fn resize(host: &Host, sandbox: Uuid, body: &Body, runs: bool, to: Size) -> Result<(), Failure> {
    if host.engine.limits_disk() && to.disk_gib != body.size.disk_gib {
        // The engine sets it when it makes the container, and never again.
        return Err(Failure::NoRoom("the disk of a sandbox cannot be changed on this runner".to_owned()));
    }
    let admitted = host.holdings.resize(sandbox, body.epoch, to);
    admitted.map_err(|no_room| Failure::NoRoom(no_room.to_string()))?;
    let limits = Limits { cpu: to.cpu, memory_gib: to.memory_gib };
    let updated = host.engine.update(&body.container, limits).await;
    if updated.is_err() {
        host.holdings.adopt(sandbox, body.epoch, body.size, runs);
    }
    Ok(updated?)
}

async fn bring_up(host: &Host, sandbox: Uuid, body: &Body) -> Result<SocketAddr, Failure> {
    // The pause container keeps its fixed address over a restart; a running one is left as it is.
    host.engine.start(&body.slot.pause).await?;
    start_container(host, sandbox, &body.container).await
}

/// No sandbox starts while nothing keeps it apart from its neighbours: it waits for the rules as for the engine.
fn guarded(host: &Host) -> Result<(), Failure> {
    let reason = || Failure::Unavailable("the firewall rules are not in force".to_owned());
    host.is_guarded().then_some(()).ok_or_else(reason)
}

/// Starts a container whose network is up, and freezes it at once; where its files are.
///
/// # Errors
/// When the engine cannot, or shows no process.
pub async fn start_frozen(host: &Host, container: &str) -> Result<PathBuf, Failure> {
    guarded(host)?;
    host.engine.start(container).await?;
    host.engine.pause(container).await?;
    let pid = host.engine.inspect(container).await?.and_then(|seen| seen.pid);
    let pid = pid.ok_or_else(|| Failure::Failed("this runner's container engine shows no files".to_owned()))?;
    Ok(PathBuf::from(format!("/proc/{pid}/root")))
}

/// Starts a container whose network is up; where its daemon will answer.
///
/// # Errors
/// When the engine cannot, or it ended at once.
pub async fn start_container(host: &Host, sandbox: Uuid, container: &str) -> Result<SocketAddr, Failure> {
    guarded(host)?;
    host.engine.start(container).await?;
    let seen = host.engine.inspect(container).await?;
    let seen = seen.ok_or_else(|| Failure::Failed("the container vanished while it was started".to_owned()))?;
    name_host(sandbox, &seen).await;
    seen.daemon.ok_or_else(|| {
        let code = seen.exit_code.unwrap_or_default();
        Failure::Failed(format!("the sandbox ended as soon as it was started (exit code {code})"))
    })
}

/// Gives a running sandbox its host name.
pub async fn name_host(sandbox: Uuid, container: &Container) {
    if let Some(pid) = container.pid
        && let Err(error) = set_host_name(pid, sandbox.to_string()).await
    {
        // A wrong host name is an annoyance; no sandbox because of it would be worse.
        tracing::warn!(%sandbox, %error, "cannot set the host name");
    }
}

/// Waits until the daemon says that it is ready, or answers; its version, if it says one. Without `knocks`, because the
/// door could not be opened, asking has to do.
///
/// # Errors
/// When it does neither in time, or something newer happened.
pub async fn await_ready(
    host: &Host,
    daemon: SocketAddr,
    mut knocks: Option<watch::Receiver<Readiness>>,
    cancel: &CancellationToken,
) -> Result<Option<String>, Failure> {
    let mut ask = tokio::time::interval_at(Instant::now() + ASK_EVERY, ASK_EVERY);
    // What to say when time is up. A daemon that could not even be asked is not silent.
    let mut verdict = Failure::Silent;
    let answered = async {
        loop {
            tokio::select! {
                biased;
                Some(version) = next_knock(&mut knocks) => return version,
                _ = ask.tick() => match host.daemons.version(daemon).await {
                    Ok(version) => return version,
                    Err(error) => verdict = silence(&error),
                },
            }
        }
    };
    let answered = tokio::select! {
        biased;
        answered = tokio::time::timeout(READY_WITHIN, answered) => answered,
        () = cancel.cancelled() => return Err(Failure::Cancelled),
    };
    answered.map_err(|_elapsed| verdict)
}

/// None when there is no door.
async fn next_knock(knocks: &mut Option<watch::Receiver<Readiness>>) -> Option<Option<String>> {
    let knocks = knocks.as_mut()?;
    knocks.changed().await.ok()?;
    Some(knocks.borrow_and_update().version.clone())
}

fn silence(error: &DaemonError) -> Failure {
    if error.is_the_daemons() {
        return Failure::Silent;
    }
    Failure::Unavailable(format!("this runner cannot ask the sandbox's daemon: {}", error.cause()))
}

/// Hands over the environment.
///
/// # Errors
/// When the daemon does not take it.
pub async fn apply_env(host: &Host, daemon: SocketAddr, env: &Env) -> Result<(), Failure> {
    let mut attempt = 1;
    loop {
        match host.daemons.set_env(daemon, env).await {
            Ok(()) => return Ok(()),
            Err(DaemonError::Refused(status)) if status.is_client_error() => {
                return Err(Failure::Failed("the sandbox's daemon refused its environment variables".to_owned()));
            }
            Err(error) if attempt == ENV_ATTEMPTS => {
                tracing::warn!(%daemon, %error, "environment not applied");
                return Err(silence(&error));
            }
            Err(_) => attempt += 1,
        }
    }
}
