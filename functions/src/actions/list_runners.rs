//! The runners of a region, dead ones too, as they first registered.

use std::collections::HashMap;

use paddock_model::runner::Runner;

use super::{
    Error,
    find_runner::{Found, found},
};
use crate::app::App;

/// Of this region. Agents that only answer clients are no runners.
pub async fn run(app: &App, region: &str) -> Result<Vec<Found>, Error> {
    let mut runners = app.store.runners_in(region).await?;
    runners.retain(|runner| runner.holds_sandboxes());
    runners.sort_by_key(|runner| (runner.created_at, runner.id));
    let ids: Vec<_> = runners.iter().map(|runner| runner.id).collect();
    let loads = app.store.loads(&ids).await?;
    let mut loads: HashMap<_, _> = loads.into_iter().map(|load| (load.id, load)).collect();
    let with_load = |runner: Runner| {
        let load = loads.remove(&runner.id);
        found(app, runner, load)
    };
    Ok(runners.into_iter().map(with_load).collect())
}
