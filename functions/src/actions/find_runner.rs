//! One runner, as operators see it.

use paddock_model::{
    id::RunnerId,
    runner::{Condition, Load, Runner},
};

use super::Error;
use crate::app::App;

/// A runner with its last sign of life, and what follows from both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As it registered.
    pub runner: Runner,
    /// Its last sign of life, if it ever gave one.
    pub load: Option<Load>,
    /// How it is now.
    pub condition: Condition,
}

/// A runner of this deployment's region. An agent that only answers clients is none.
pub async fn run(app: &App, id: &str) -> Result<Found, Error> {
    let runner = stored(app, id).await?;
    with_load(app, runner).await
}

pub(super) async fn stored(app: &App, id: &str) -> Result<Runner, Error> {
    let missing = || Error::RunnerNotFound(id.to_owned());
    let runner = app.store.runner(id.parse::<RunnerId>().map_err(|_| missing())?).await?;
    runner.filter(|it| it.holds_sandboxes() && it.region == app.config.region).ok_or_else(missing)
}

pub(super) async fn with_load(app: &App, runner: Runner) -> Result<Found, Error> {
    let load = app.store.loads(&[runner.id]).await?.pop();
    Ok(found(app, runner, load))
}

pub(super) fn found(app: &App, runner: Runner, load: Option<Load>) -> Found {
    let condition = runner.condition(load.as_ref(), app.now());
    Found { runner, load, condition }
}
