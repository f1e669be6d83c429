//! An operator removes a runner: its item and its queue go. What still runs under its id registers as a new one, with
//! nothing, so its agent is to be stopped first.

use std::collections::BTreeMap;

use paddock_model::{id::RunnerId, lifecycle::State, runner::Runner};

use super::{Error, declare_runner_dead, find_runner::stored};
use crate::app::App;

/// Removes it if it holds nothing; with `force` whatever it holds, which is then lost as with any dead runner. Repeating
/// continues where an earlier try ended, since the runner's item goes last.
pub async fn run(app: &App, id: &str, force: bool) -> Result<(), Error> {
    let runner = stored(app, id).await?;
    if !force {
        refuse_unless_empty(app, &runner).await?;
    }
    // Whatever is placed there at this moment, by who has read it a moment ago, is taken from it by this or by the sweep.
    Box::pin(declare_runner_dead::run(app, runner.id)).await?;
    app.queue.delete(&runner.queue_url).await?;
    app.store.delete_runner(runner.id).await?;
    app.recent.runners.forget(&runner.id);
    app.recent.regions.forget(&runner.region);
    Ok(())
}

async fn refuse_unless_empty(app: &App, runner: &Runner) -> Result<(), Error> {
    let held = held(app, runner.id).await?;
    let sandboxes = held.values().sum();
    if sandboxes == 0 {
        return Ok(());
    }
    let states: Vec<String> = held.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
    Err(Error::RunnerNotEmpty { runner: runner.id, sandboxes, states: states.join(", ") })
}

async fn held(app: &App, runner: RunnerId) -> Result<BTreeMap<State, usize>, Error> {
    let ids: Vec<_> = app.store.owned_by(runner).await?.into_iter().map(|(id, _)| id).collect();
    let heads = app.store.heads(&ids).await?;
    let mut held = BTreeMap::new();
    for head in heads.found.iter().filter(|head| head.sandbox.runner == Some(runner)) {
        *held.entry(head.sandbox.state).or_default() += 1;
    }
    if !heads.unreadable.is_empty() {
        *held.entry(State::Unknown).or_default() += heads.unreadable.len();
    }
    Ok(held)
}
