//! How the deployment is, in a few numbers: what `cargo xtask up` waits for and an operator asks first.

use paddock_model::lifecycle::State;
use serde::Serialize;

use super::{Error, find_runner::Found, list_runners};
use crate::app::App;

/// The numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Runners that take sandboxes now.
    pub runners: usize,
    /// Sandboxes that the pools shall hold.
    pub pool_size: u32,
    /// Those of them that are started.
    pub pool_ready: usize,
}

/// Reads runners and pools of this region.
pub async fn run(app: &App) -> Result<Status, Error> {
    let mut status = Status { runners: 0, pool_size: 0, pool_ready: 0 };
    let runners = list_runners::run(app, &app.config.region).await?;
    let takes = |it: &Found| it.load.as_ref().is_some_and(|load| it.runner.takes_sandboxes(load, app.now()));
    status.runners = runners.iter().filter(|it| takes(it)).count();
    for pool in app.store.pools().await?.into_iter().filter(|pool| pool.region == app.config.region && pool.size > 0) {
        let waiting = app.store.unclaimed_of(&pool.id, pool.size as usize).await?;
        status.pool_size += pool.size;
        status.pool_ready += waiting.iter().filter(|stored| stored.sandbox.state == State::Started).count();
    }
    Ok(status)
}
