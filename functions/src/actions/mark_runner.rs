//! An operator's word: nothing new for a runner, or that it becomes empty; or that this is over.

use paddock_model::runner::Mark;

use super::{
    Error, drain_runner,
    find_runner::{Found, stored, with_load},
};
use crate::app::App;

/// Writes it. What queues for room is placed by the sweep, which looks every few seconds while anything queues.
pub async fn run(app: &App, id: &str, mark: Mark) -> Result<Found, Error> {
    let known = stored(app, id).await?;
    let marked = app.store.mark_runner(known.id, mark, app.now()).await?;
    let runner = marked.ok_or_else(|| Error::RunnerNotFound(id.to_owned()))?;
    app.recent.runners.put(runner.id, runner.clone(), app.now());
    app.recent.regions.forget(&runner.region);
    let found = with_load(app, runner).await?;
    // For speed; the sweep goes on with it.
    if let Err(error) = drain_runner::step(app, &found.runner, found.condition).await {
        tracing::warn!(runner = %found.runner.id, %error, "draining not begun; the sweep will");
    }
    Ok(found)
}
