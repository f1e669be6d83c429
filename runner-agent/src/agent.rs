//! One agent, put together by its role, from registration to its end.

use std::{fs::File, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use nix::fcntl::{Flock, FlockArg};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    capacity,
    config::Config,
    control_api::ControlApi,
    edge::{Doors, Edge, ticket::TicketKey},
    heartbeat::{self, Holder},
    jobs,
    journal::Journal,
    register,
    runner::{self, Runner},
    sandboxes::registry::Registry,
};

/// Reports that are not heard in this time are made again by the next agent.
const FLUSH: Duration = Duration::from_secs(5);

/// Runs until told to end; containers run on.
///
/// # Errors
/// When something is wrong that waiting does not mend.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let _only_one = lock(&config.state_dir).await?;
    let doors = open_doors(&config).await?;
    let journal = Arc::new(Journal::open(&config.state_dir)?);
    let ticket_key = TicketKey::load_or_create(&config.state_dir)?;
    let (edges_sender, edges) = watch::channel(Vec::new());

    let (api, runner) = tokio::select! {
        joined = join(&config, journal, &ticket_key) => joined?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let mut tasks = JoinSet::new();
    let registry = runner.as_ref().map_or_else(|| Arc::new(Registry::empty()), |runner| Arc::clone(&runner.registry));
    let holder =
        runner.as_ref().map(|runner| Holder { host: Arc::clone(&runner.host), registry: Arc::clone(&registry) });
    tasks.spawn(heartbeat::beat(Arc::clone(&api), holder, edges_sender));
    if runner.is_some() {
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        tasks.spawn(jobs::poll(aws_sdk_sqs::Client::new(&aws), Arc::clone(&api), Arc::clone(&registry)));
    }
    tracing::info!("ready");
    Edge::new(config.edge.clone(), api, registry, ticket_key, edges).serve(doors, shutdown).await;

    // No new work from here on; what was done is told.
    tasks.shutdown().await;
    if let Some(runner) = runner
        && tokio::time::timeout(FLUSH, runner.host.outbox.flushed()).await.is_err()
    {
        tracing::warn!("some reports were not heard");
    }
    Ok(())
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
            introduction.capacity = capacity::measure(&machine, runner.cpu_overcommit);
            introduction.images = engine.images().await?;
            introduction.capabilities = machine.capabilities;
            Some((runner, engine, (machine.cpus, introduction.capacity)))
        }
        None => None,
    };
    let api = Arc::new(ControlApi::new(&config.agents_url, &config.join_token, introduction)?);
    register::until_accepted(&api, &journal).await?;
    let runner = match engine {
        Some((runner, engine, room)) => {
            Some(runner::start(runner, &config.state_dir, engine, room, Arc::clone(&api), journal).await?)
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
    let file = File::create(state_dir.join("lock"))?;
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(locked) => return Ok(locked),
        Err((file, nix::errno::Errno::EWOULDBLOCK)) => file,
        Err((_, error)) => return Err(error.into()),
    };
    tracing::info!(state_dir = %state_dir.display(), "waiting for another agent to end");
    let locked = tokio::task::spawn_blocking(move || Flock::lock(file, FlockArg::LockExclusive)).await?;
    locked.map_err(|(_, error)| error.into())
}

/// Taken ports are found before anything else is done.
async fn open_doors(config: &Config) -> anyhow::Result<Doors> {
    let mut doors = Doors::default();
    if let Some(address) = config.edge_listen {
        let listener = TcpListener::bind(address).await;
        doors.clients = Some(listener.with_context(|| format!("PADDOCK_EDGE_LISTEN {address}"))?);
    }
    if let Some(address) = config.relay_listen {
        let listener = TcpListener::bind(address).await;
        doors.relays = Some(listener.with_context(|| format!("PADDOCK_RELAY_LISTEN {address}"))?);
    }
    Ok(doors)
}
