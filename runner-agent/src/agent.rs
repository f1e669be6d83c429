//! One agent, put together by its role, from registration to its end.

use std::{fs::File, io::ErrorKind, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    capacity,
    config::Config,
    control_api::ControlApi,
    edge::{Doors, Edge, ticket::TicketKey},
    heartbeat::{self, Holder},
    jobs,
    journal::Journal,
    limits, network, register,
    runner::{self, Ground, Runner},
    sandboxes::registry::Registry,
};

/// Reports that are not heard in this time are made again by the next agent.
const FLUSH: Duration = Duration::from_secs(5);
/// Between looks whether another agent has ended.
const LOCK_AGAIN: Duration = Duration::from_millis(200);

/// Runs until told to end; containers run on.
///
/// # Errors
/// When something is wrong that waiting does not mend.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    limits::raise_open_files();
    let _only_one = tokio::select! {
        locked = lock(&config.state_dir) => locked?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let doors = open_doors(&config).await?;
    let journal = Arc::new(Journal::open(&config.state_dir)?);
    let ticket_key = TicketKey::load_or_create(&config.state_dir)?;
    let (edges_sender, edges) = watch::channel(Vec::new());

    let (api, mut runner) = tokio::select! {
        joined = join(&config, journal, &ticket_key) => joined?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let mut tasks = JoinSet::new();
    let registry = runner.as_ref().map_or_else(|| Arc::new(Registry::empty()), |runner| Arc::clone(&runner.registry));
    let holder =
        runner.as_ref().map(|runner| Holder { host: Arc::clone(&runner.host), registry: Arc::clone(&registry) });
    tasks.spawn(heartbeat::beat(Arc::clone(&api), holder, edges_sender));
    if runner.is_some() {
        tasks.spawn(jobs::poll(jobs::client().await, Arc::clone(&api), Arc::clone(&registry)));
    }
    tracing::info!("ready");
    let edge = Edge::new(config.edge.clone(), api, registry, ticket_key, edges);
    let mut none = JoinSet::new();
    let ended = tokio::select! {
        () = edge.serve(doors, shutdown) => Ok(()),
        error = broken(&mut tasks) => Err(error),
        error = broken(runner.as_mut().map_or(&mut none, |runner| &mut runner.tasks)) => Err(error),
    };

    // No new work from here on; what was done is told.
    tasks.shutdown().await;
    if let Some(runner) = runner
        && tokio::time::timeout(FLUSH, runner.host.outbox.flushed()).await.is_err()
    {
        tracing::warn!("some reports were not heard");
    }
    // Half an agent would look alive and leave undone what nobody else does: the supervisor shall start a whole one.
    ended.context("a part of the agent broke")
}

/// Waits, for ever, until one of the tasks panics.
async fn broken(tasks: &mut JoinSet<()>) -> JoinError {
    loop {
        match tasks.join_next().await {
            Some(Ok(())) => {}
            Some(Err(error)) => return error,
            None => std::future::pending().await,
        }
    }
}

async fn join(
    config: &Config,
    journal: Arc<Journal>,
    ticket_key: &TicketKey,
) -> anyhow::Result<(Arc<ControlApi>, Option<Runner>)> {
    let mut introduction = register::introduction(config, &journal, ticket_key.public());
    let engine = match &config.runner {
        Some(runner) => {
            let (engine, machine) = runner::find_engine(runner).await;
            introduction.capacity = capacity::measure(&machine, runner.cpu_overcommit, network::room(runner.subnet));
            introduction.images = engine.images().await?;
            introduction.capabilities = machine.capabilities;
            Some((runner, engine, (machine.cpus, introduction.capacity)))
        }
        None => None,
    };
    let api = ControlApi::new(&config.agents_url, &config.join_token, introduction)?;
    let key = ticket_key.clone();
    let api = Arc::new(api.with_proof(move |agent| key.prove(agent)));
    register::until_accepted(&api, &journal).await?;
    let runner = match engine {
        Some((runner, engine, room)) => {
            let ground = Ground::new(engine, &config.state_dir, Arc::clone(&api), journal)?;
            Some(runner::start(runner, &config.state_dir, ground, room).await?)
        }
        None => None,
    };
    Ok((api, runner))
}

/// Two agents on one state directory would be two owners of each sandbox.
async fn lock(state_dir: &Path) -> anyhow::Result<Flock<File>> {
    std::fs::create_dir_all(state_dir).with_context(|| format!("state directory {}", state_dir.display()))?;
    // Nobody else has business here; what sandboxes see of it is mounted, past this directory.
    std::fs::set_permissions(state_dir, std::fs::Permissions::from_mode(0o700))?;
    let mut file = File::create(state_dir.join("lock"))?;
    let mut said = false;
    loop {
        // Asked for again and again: a thread that waits in the kernel could not be told to end.
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((file, Errno::EWOULDBLOCK)) => file,
            Err((_, error)) => return Err(error.into()),
        };
        if !said {
            said = true;
            tracing::info!(state_dir = %state_dir.display(), "waiting for another agent to end");
        }
        tokio::time::sleep(LOCK_AGAIN).await;
    }
}

/// Taken ports are found before anything else is done.
async fn open_doors(config: &Config) -> anyhow::Result<Doors> {
    let mut doors = Doors::default();
    for address in config.edge_listen.iter().flat_map(|listen| &listen.0) {
        match TcpListener::bind(address).await {
            Ok(listener) => doors.clients.push(listener),
            // The name is in /etc/hosts, but this machine has IPv6 switched off.
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable && !doors.clients.is_empty() => {}
            Err(error) => return Err(error).with_context(|| format!("PADDOCK_EDGE_LISTEN {address}")),
        }
    }
    if let Some(address) = config.relay_listen {
        let listener = TcpListener::bind(address).await;
        doors.relays = Some(listener.with_context(|| format!("PADDOCK_RELAY_LISTEN {address}"))?);
    }
    Ok(doors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_noticed_among_those_that_end() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        tasks.spawn(std::future::pending());
        tasks.spawn(async { panic!("on purpose") });
        assert!(broken(&mut tasks).await.is_panic());
    }

    #[tokio::test]
    async fn an_agent_waits_for_the_one_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock(dir.path()).await.unwrap();
        let (second, ()) = tokio::join!(lock(dir.path()), async move {
            tokio::task::yield_now().await;
            drop(first);
        });
        second.unwrap();
    }

    #[tokio::test]
    async fn an_agent_that_is_told_to_end_does_not_wait_for_the_one_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let _first = lock(dir.path()).await.unwrap();
        let told = CancellationToken::new();
        told.cancel();
        let waited = told.run_until_cancelled(lock(dir.path())).await;
        assert!(waited.is_none());
    }
}
