//! Which runner takes a sandbox, and who the runners are.

use paddock_model::{
    entropy,
    id::RunnerId,
    placement::{self, Candidate},
    runner::{Load, Runner},
    sandbox::{Resources, Sandbox},
    time::Timestamp,
};

use super::Error;
use crate::{app::App, store::sandboxes::Stored};

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
    placement::choose(&candidates, need, entropy::index)
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

/// Those of `held` whose runners may be given something now.
pub(super) async fn on_responsive(app: &App, region: &str, held: Vec<Stored>) -> Result<Vec<Stored>, Error> {
    // What was read a moment ago is good enough to say yes, not to say no to all of them.
    if let Some(fleet) = app.recent.regions.get(&region.to_owned(), app.now()) {
        let left = with_responsive(&fleet, &held, app.now());
        if !left.is_empty() {
            return Ok(left);
        }
    }
    let fleet = read_fleet(app, region).await?;
    Ok(with_responsive(&fleet, &held, app.now()))
}

fn with_responsive(fleet: &[(Runner, Load)], held: &[Stored], now: Timestamp) -> Vec<Stored> {
    let responsive: Vec<RunnerId> =
        fleet.iter().filter_map(|(runner, load)| runner.candidate(load, "", now)).map(|it| it.id).collect();
    let has = |it: &&Stored| it.sandbox.runner.is_some_and(|runner| responsive.contains(&runner));
    held.iter().filter(has).cloned().collect()
}
