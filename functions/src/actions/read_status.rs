//! How the deployment is, in a few numbers: what `cargo xtask up` waits for and an operator asks first.

use paddock_model::{lifecycle::State, runner::UNRESPONSIVE_AFTER};
use serde::Serialize;

use super::Error;
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
    let mut holders = app.store.runners_in(&app.config.region).await?;
    holders.retain(|runner| runner.holds_sandboxes() && !runner.dead);
    let ids: Vec<_> = holders.iter().map(|runner| runner.id).collect();
    let (loads, now) = (app.store.loads(&ids).await?, app.now());
    status.runners = loads.iter().filter(|load| now.since(load.heartbeat_at) <= UNRESPONSIVE_AFTER).count();
    for pool in app.store.pools().await?.into_iter().filter(|pool| pool.region == app.config.region && pool.size > 0) {
        let waiting = app.store.unclaimed_of(&pool.id, pool.size as usize).await?;
        status.pool_size += pool.size;
        status.pool_ready += waiting.iter().filter(|stored| stored.sandbox.state == State::Started).count();
    }
    Ok(status)
}
