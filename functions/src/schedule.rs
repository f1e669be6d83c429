//! What the `reconcile` function does: a schedule tick, or an operator's command.
//!
//! A tick looks at what is due; while anything is due within the minute it looks again every few seconds, until the
//! minute is nearly over and the next tick comes. Ticks may overlap: all that is done here may be done twice.

use std::time::Duration;

use paddock_model::runner::Mark;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    actions::{
        self, bootstrap, declare_runner_dead, drain_runner, mark_runner, read_status, remove_runner, set_pool,
        sweep_due, top_up_pool,
    },
    app::App,
};

/// How long a tick goes on; the next comes after a minute.
const TICK: Duration = Duration::from_secs(50);

/// Between looks.
const LOOK_EACH: Duration = Duration::from_secs(5);

/// How far ahead a look asks whether going on is worth it.
const AHEAD: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Command {
    Bootstrap(Box<bootstrap::Bootstrap>),
    DeclareRunnerDead { runner_id: Uuid },
    RemoveRunner { runner_id: Uuid, force: bool },
    SetRunnerDraining { runner_id: Uuid, draining: bool },
    SetRunnerScheduling { runner_id: Uuid, unschedulable: bool },
    SetPool { snapshot: String, size: u32 },
    Status,
}

/// What an event could not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command does not read.
    #[error("the command does not read: {0}")]
    Command(#[from] serde_json::Error),
    /// It reads, and failed.
    #[error(transparent)]
    Action(#[from] actions::Error),
}

/// Does what the event says; an event without a command is a tick.
pub async fn handle(app: &App, event: Value) -> Result<Value, Error> {
    if event.get("command").is_none() {
        // Boxed, here and below: futures within futures get too deep for the compiler.
        return Ok(Box::pin(tick(app, TICK)).await?);
    }
    match serde_json::from_value(event)? {
        Command::Bootstrap(first) => {
            Box::pin(bootstrap::run(app, *first)).await?;
            Ok(json!({"done": "bootstrap"}))
        }
        Command::DeclareRunnerDead { runner_id } => {
            let id = paddock_model::id::RunnerId(runner_id);
            let bereft = Box::pin(declare_runner_dead::run(app, id)).await?;
            Ok(json!({"done": "declare-runner-dead", "sandboxes": bereft}))
        }
        Command::RemoveRunner { runner_id, force } => {
            Box::pin(remove_runner::run(app, &runner_id.to_string(), force)).await?;
            Ok(json!({"done": "remove-runner"}))
        }
        Command::SetRunnerDraining { runner_id, draining } => {
            Box::pin(mark_runner::run(app, &runner_id.to_string(), Mark::Draining(draining))).await?;
            Ok(json!({"done": "set-runner-draining"}))
        }
        Command::SetRunnerScheduling { runner_id, unschedulable } => {
            Box::pin(mark_runner::run(app, &runner_id.to_string(), Mark::Unschedulable(unschedulable))).await?;
            Ok(json!({"done": "set-runner-scheduling"}))
        }
        Command::SetPool { snapshot, size } => {
            Box::pin(set_pool::run(app, &snapshot, size)).await?;
            Ok(json!({"done": "set-pool"}))
        }
        Command::Status => Ok(json!(Box::pin(read_status::run(app)).await?)),
    }
}

/// One tick of at most this length.
pub async fn tick(app: &App, length: Duration) -> Result<Value, actions::Error> {
    let end = Instant::now() + length;
    let (mut looks, mut due, mut braked) = (0u32, 0, 0);
    loop {
        let look = sweep_due::run(app, app.now().after(AHEAD)).await?;
        (looks, due, braked) = (looks + 1, due + look.due, braked + look.braked);
        if looks == 1 {
            // Before the pools: what leaves them is replaced at once.
            Box::pin(drain_runner::run(app)).await?;
            top_up(app).await?;
        }
        if !goes_on(&look) || Instant::now() + LOOK_EACH >= end {
            break;
        }
        tokio::time::sleep(LOOK_EACH).await;
    }
    Ok(json!({"looks": looks, "due": due, "braked": braked}))
}

/// Something will be due within the minute, or what was just done may be due again.
fn goes_on(look: &sweep_due::Look) -> bool {
    look.next.is_some() || look.due > 0
}

async fn top_up(app: &App) -> Result<(), actions::Error> {
    for pool in app.store.pools().await.map_err(actions::Error::from)? {
        if let Err(error) = top_up_pool::run(app, &pool.id).await {
            tracing::warn!(pool = pool.id, %error, "pool not topped up");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_as_operators_write_them() {
        let dead = json!({"command": "declare-runner-dead", "runnerId": Uuid::nil()});
        assert!(
            matches!(serde_json::from_value(dead), Ok(Command::DeclareRunnerDead { runner_id }) if runner_id.is_nil())
        );
        let drain = json!({"command": "set-runner-draining", "runnerId": Uuid::nil(), "draining": true});
        assert!(matches!(serde_json::from_value(drain), Ok(Command::SetRunnerDraining { draining: true, .. })));
        let pool = json!({"command": "set-pool", "snapshot": "paddock-default", "size": 3});
        assert!(matches!(serde_json::from_value(pool), Ok(Command::SetPool { size: 3, .. })));
        let first = json!({
            "command": "bootstrap",
            "organization": {"id": Uuid::nil(), "name": "first"},
            "user": {"id": "u", "name": "n", "email": "e"},
            "apiKey": {"name": "k", "sha256": "00", "prefix": "dtn", "suffix": "abc"},
            "snapshot": {"id": Uuid::nil(), "name": "s", "image": "i:1", "cpu": 1, "memoryGib": 1, "diskGib": 3},
            "pool": 2,
            "quota": {"cpu": 8, "memoryGib": 16, "diskGib": 100}
        });
        assert!(matches!(serde_json::from_value(first), Ok(Command::Bootstrap(first)) if first.pool == 2));
    }

    #[test]
    fn a_tick_ends_when_nothing_is_coming() {
        let quiet = sweep_due::Look::default();
        assert!(!goes_on(&quiet));
        assert!(goes_on(&sweep_due::Look { next: Some(paddock_model::time::Timestamp(1)), ..quiet }));
        assert!(goes_on(&sweep_due::Look { due: 1, ..quiet }));
    }
}
