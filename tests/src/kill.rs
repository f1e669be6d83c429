//! Whom a test kills: the parts of the stack, as they are found, and what brings them back.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::converge::{Look, PATIENCE, within};
use crate::docker;
use crate::processes::{self, Process};
use crate::stack::STACK;

/// Functions that serve users and runners; the other two only follow.
const FUNCTIONS: [&str; 2] = ["paddock-api", "paddock-agents"];

/// Kills the agents of this stack, and waits until each has a successor.
pub async fn all_agents() -> Result<()> {
    let before = processes::agents(STACK.state_dir());
    ensure!(!before.is_empty(), "no agent of this stack is found");
    for agent in &before {
        processes::kill_9(agent.pid)?;
    }
    within(PATIENCE, "agents are back", || async {
        let now = processes::agents(STACK.state_dir());
        let old = now.iter().any(|agent| before.iter().any(|dead| dead.pid == agent.pid));
        Ok(if now.len() == before.len() && !old { Look::Done(()) } else { Look::NotYet(format!("{now:?}")) })
    })
    .await
}

/// The daemon's server in a sandbox: the child of its first process that runs the same program.
pub fn server_of(init: u32) -> Result<u32> {
    let program = |pid| processes::look(pid).and_then(|process| process.arguments.first().cloned());
    let first = program(init).context("the sandbox's first process is gone")?;
    let children = processes::all().into_iter().filter(|process| process.parent == init);
    let server = children.into_iter().find(|child| child.state != 'Z' && child.arguments.iter().any(|a| a == "serve"));
    Ok(server.with_context(|| format!("{first} ({init}) has no server"))?.pid)
}

/// Function processes that serve a request. Between requests they are stopped, as in Lambda, so one that is not stopped
/// is at work.
pub fn busy_functions() -> Vec<Process> {
    let instances = FUNCTIONS.into_iter().flat_map(|name| processes::function_instances(STACK.state_dir(), name));
    instances.filter(|instance| instance.state != 'T' && instance.state != 'Z').collect()
}

/// The container engine that answers, by its pid file: containers may hold engines of their own.
pub fn dockerd() -> Option<Process> {
    let pid = fs::read_to_string("/var/run/docker.pid").ok()?;
    processes::look(pid.trim().parse().ok()?)
}

/// The stack started the engine, and starts it again.
pub fn dockerd_is_kept() -> bool {
    STACK.state_dir().join("pids/dockerd").exists()
}

/// The engine, if the stack has started the one that answers.
pub fn own_dockerd() -> Option<Process> {
    let kept = fs::read_to_string(STACK.state_dir().join("pids/dockerd")).ok()?;
    let pid: u32 = kept.split_whitespace().next()?.parse().ok()?;
    dockerd().filter(|dockerd| dockerd.pid == pid)
}

/// Kills the engine, and waits until it is dead.
pub async fn engine(dockerd: &Process) -> Result<()> {
    processes::kill_9(dockerd.pid)?;
    within(PATIENCE, "the engine is dead", || async {
        Ok(if processes::lives(dockerd.pid) { Look::NotYet("alive".to_owned()) } else { Look::Done(()) })
    })
    .await
}

/// Waits until the engine answers.
pub async fn engine_answers(bound: Duration) -> Result<()> {
    within(bound, "docker answers", || async { docker::docker(&["version"]).await.map(|_| Look::Done(())) }).await
}
