//! Kills, one every few seconds. Only what is of this stack, by process id.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use paddock_tests::stack::STACK;
use paddock_tests::{docker, kill, processes};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio::time::{Instant, timeout};

use crate::world::World;

const PAUSE_MILLIS: std::ops::Range<u64> = 2000..8000;
/// Each takes all sandboxes' engine away for seconds; workers shall get something done between.
const BETWEEN_ENGINES: Duration = Duration::from_secs(90);
/// Functions serve for some milliseconds only.
const HUNT: Duration = Duration::from_secs(3);
const MOST: Duration = Duration::from_secs(60);

/// Whom it hits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Victim {
    Agent,
    Server,
    Container,
    PauseContainer,
    Function,
    Engine,
}

const WEIGHTS: [(Victim, u32); 6] = [
    (Victim::Agent, 8),
    (Victim::Server, 8),
    (Victim::Container, 8),
    (Victim::PauseContainer, 3),
    (Victim::Function, 8),
    (Victim::Engine, 2),
];

/// For ever.
pub async fn go_on(world: &World, mut choices: StdRng) {
    let mut engine = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(choices.random_range(PAUSE_MILLIS))).await;
        let (victim, _) = WEIGHTS.choose_weighted(&mut choices, |(_, weight)| *weight).expect("there are victims");
        // Drawn whether it is needed or not, so that the choices after it stay the same.
        let lot: usize = choices.random_range(0..1 << 20);
        if *victim == Victim::Engine && engine.elapsed() < BETWEEN_ENGINES {
            continue;
        }
        match timeout(MOST, strike(world, *victim, lot)).await {
            Ok(Ok(())) if *victim == Victim::Engine => engine = Instant::now(),
            Ok(Ok(())) => {}
            Ok(Err(problem)) => world.say(&format!("no {victim:?} killed: {problem:#}")),
            Err(_) => world.say(&format!("no {victim:?} killed: it took too long")),
        }
    }
}

async fn strike(world: &World, victim: Victim, lot: usize) -> Result<()> {
    match victim {
        Victim::Agent => {
            let agents = processes::agents(STACK.state_dir());
            let agent = chosen(&agents, lot).context("no agent lives just now")?;
            let name = processes::environment(agent.pid, "PADDOCK_RUNNER_NAME").unwrap_or_default();
            processes::kill_9(agent.pid)?;
            world.fault(&format!("kill -9 of agent {name} ({})", agent.pid));
        }
        Victim::Server => {
            let (id, container) = started(world, lot).await?;
            let server = kill::server_of(container.pid)?;
            processes::kill_9(server)?;
            world.fault(&format!("kill -9 of the daemon in {id} ({server})"));
        }
        Victim::Container => {
            let (id, container) = started(world, lot).await?;
            docker::docker(&["kill", &container.id]).await?;
            world.fault(&format!("docker kill of {id}"));
        }
        Victim::PauseContainer => {
            let (id, container) = started(world, lot).await?;
            let pause = docker::pause_of(&container).await?;
            processes::kill_9(pause.pid)?;
            world.fault(&format!("kill -9 of the pause container of {id} ({})", pause.pid));
        }
        Victim::Function => function(world, lot).await?,
        Victim::Engine => {
            let dockerd = kill::own_dockerd().context("the engine is not this stack's")?;
            kill::engine(&dockerd).await?;
            world.fault(&format!("kill -9 of dockerd ({})", dockerd.pid));
            kill::engine_answers(MOST).await?;
            world.disturbed();
        }
    }
    Ok(())
}

async fn function(world: &World, lot: usize) -> Result<()> {
    let hunt = Instant::now();
    while hunt.elapsed() < HUNT {
        if let Some(instance) = chosen(&kill::busy_functions(), lot) {
            let name = processes::environment(instance.pid, "AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
            if processes::kill_9(instance.pid).is_ok() {
                world.fault(&format!("kill -9 of {name} at work ({})", instance.pid));
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("none was at work")
}

/// A sandbox that runs and whose files are promised: one that is only being filled would be filled again.
async fn started(world: &World, lot: usize) -> Result<(String, docker::Container)> {
    let mut ids: Vec<String> = world.promised().into_keys().collect();
    while !ids.is_empty() {
        let id = ids.remove(lot % ids.len());
        if let Ok(container) = docker::container(&id).await
            && container.running
        {
            return Ok((id, container));
        }
    }
    bail!("no sandbox runs just now")
}

fn chosen<T>(of: &[T], lot: usize) -> Option<&T> {
    of.get(lot.checked_rem(of.len())?)
}
