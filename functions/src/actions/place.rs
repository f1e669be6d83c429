//! Which runner takes a sandbox, and who the runners are.

use paddock_model::{
    id::RunnerId,
    placement::{self, Candidate},
    runner::{Load, Runner},
    sandbox::{Resources, Sandbox},
    time::Timestamp,
};
use rand::Rng as _;

use super::Error;
use crate::app::App;

/// A runner for a sandbox that has none. The one that has just refused it is asked again at the next look.
pub(super) async fn choose(
    app: &App,
    sandbox: &Sandbox,
    image: Option<&str>,
    refuser: Option<RunnerId>,
) -> Result<Option<RunnerId>, Error> {
    let read;
    let image = match image {
        Some(image) => image,
        None => {
            read = app.store.detail(sandbox.id).await?.map(|(_, spec)| spec.image).unwrap_or_default();
            &read
        }
    };
    choose_for(app, &sandbox.region, image, sandbox.resources, refuser).await
}

/// A runner with room for something new.
pub(super) async fn choose_for(
    app: &App,
    region: &str,
    image: &str,
    need: Resources,
    refuser: Option<RunnerId>,
) -> Result<Option<RunnerId>, Error> {
    // What was read a moment ago is good enough to say yes, not to say no.
    if let Some(fleet) = app.recent.regions.get(&region.to_owned(), app.now())
        && let Some(runner) = pick(&fleet, image, need, refuser, app.now())
    {
        return Ok(Some(runner));
    }
    let fleet = read_fleet(app, region).await?;
    Ok(pick(&fleet, image, need, refuser, app.now()))
}

fn pick(
    fleet: &[(Runner, Load)],
    image: &str,
    need: Resources,
    refuser: Option<RunnerId>,
    now: Timestamp,
) -> Option<RunnerId> {
    let candidates = fleet.iter().filter_map(|(runner, load)| runner.candidate(load, image, now));
    let candidates: Vec<Candidate> = candidates.filter(|candidate| Some(candidate.id) != refuser).collect();
    placement::choose(&candidates, need, |n| rand::rng().random_range(0..n))
}

/// The agents of a region with their last signs of life; those that never gave one are left out.
pub(super) async fn fleet(app: &App, region: &str) -> Result<Vec<(Runner, Load)>, Error> {
    match app.recent.regions.get(&region.to_owned(), app.now()) {
        Some(fleet) => Ok(fleet),
        None => read_fleet(app, region).await,
    }
}

async fn read_fleet(app: &App, region: &str) -> Result<Vec<(Runner, Load)>, Error> {
    let runners = app.store.runners_in(region).await?;
    let ids: Vec<RunnerId> = runners.iter().map(|runner| runner.id).collect();
    let mut loads = app.store.loads(&ids).await?;
    let fleet: Vec<(Runner, Load)> = runners
        .into_iter()
        .filter_map(|runner| {
            let at = loads.iter().position(|load| load.id == runner.id)?;
            Some((runner, loads.swap_remove(at)))
        })
        .collect();
    app.recent.regions.put(region.to_owned(), fleet.clone(), app.now());
    Ok(fleet)
}

/// An agent, perhaps as it was a moment ago: its address and queue never change.
pub(super) async fn runner(app: &App, id: RunnerId) -> Result<Option<Runner>, Error> {
    if let Some(runner) = app.recent.runners.get(&id, app.now()) {
        return Ok(Some(runner));
    }
    let runner = app.store.runner(id).await?;
    if let Some(runner) = &runner {
        app.recent.runners.put(id, runner.clone(), app.now());
    }
    Ok(runner)
}

/// Runners that may be given something now.
pub(super) async fn responsive(app: &App, region: &str) -> Result<Vec<RunnerId>, Error> {
    let alive = |fleet: &[(Runner, Load)]| -> Vec<RunnerId> {
        let now = app.now();
        fleet.iter().filter_map(|(runner, load)| runner.candidate(load, "", now)).map(|it| it.id).collect()
    };
    let known = fleet(app, region).await?;
    let found = alive(&known);
    if found.len() == known.len() {
        return Ok(found);
    }
    // Somebody seems silent: perhaps only what was read a moment ago is.
    Ok(alive(&read_fleet(app, region).await?))
}
