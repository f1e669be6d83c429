//! Workers. Each makes a sandbox, fills it with a tree of files, walks it through its states in an order of chance, looks
//! at its files whenever it is back, and deletes it; and again.

use anyhow::ensure;
use paddock_tests::tree::Tree;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use reqwest::Method;
use serde_json::json;

use crate::reach::{Goal, Missed, in_started, make, reach, verify};
use crate::world::{Failure, World, count};

/// Small files of a tree, beside those of every kind.
const FILES: std::ops::Range<usize> = 20..200;
const STEPS: std::ops::Range<usize> = 3..9;
/// CPUs that a sandbox grows to.
const MOST_CPUS: u64 = 3;

/// What may become of a sandbox next.
#[derive(Debug, Clone, Copy)]
enum Step {
    StopAndStart,
    ArchiveAndRestore,
    ArchiveTakenBack,
    Fork,
    PauseAndResume,
    Resize,
    Exec,
}

const WEIGHTS: [(Step, u32); 7] = [
    (Step::StopAndStart, 3),
    (Step::ArchiveAndRestore, 4),
    (Step::ArchiveTakenBack, 1),
    (Step::Fork, 2),
    (Step::PauseAndResume, 2),
    (Step::Resize, 1),
    (Step::Exec, 2),
];

/// Lives one after the other, for ever.
pub async fn work(world: &World, seed: u64, number: u64, mut choices: StdRng) {
    for life in 1_u32.. {
        let name = format!("chaos-{seed}-{number}-{life}");
        live(world, &name, &mut choices).await;
    }
}

async fn live(world: &World, name: &str, choices: &mut StdRng) {
    let body = json!({ "name": name, "labels": { "test": "chaos" } });
    let id = match make(world, "/sandbox", name, &body).await {
        Ok(id) => id,
        Err(missed) => return note(world, name, missed),
    };
    count(&world.counts.made);
    let files = choices.random_range(FILES);
    let built = in_started(world, &id, "a tree", || async { Tree::build(&world.toolbox(&id), files).await });
    let tree = match built.await {
        Ok(tree) => tree,
        // Nothing was promised of it yet.
        Err(Missed::Broken(reason)) => return stillborn(world, &id, &reason).await,
        Err(missed) => return note(world, &id, missed),
    };
    world.promise(&id, tree.clone());
    if let Err(missed) = walk(world, &id, &tree, choices).await {
        // Told once.
        if !matches!(missed, Missed::Never(_)) {
            world.let_go(&id);
        }
        note(world, &id, missed);
        return;
    }
    delete(world, &id).await;
}

async fn walk(world: &World, id: &str, tree: &Tree, choices: &mut StdRng) -> Result<(), Missed> {
    for _ in 0..choices.random_range(STEPS) {
        let (step, _) = WEIGHTS.choose_weighted(choices, |(_, weight)| *weight).expect("there are steps");
        take(world, id, *step, tree, choices.random()).await?;
        verify(world, id, tree).await?;
    }
    Ok(())
}

async fn take(world: &World, id: &str, step: Step, tree: &Tree, number: u32) -> Result<(), Missed> {
    match step {
        Step::StopAndStart => reach(world, id, Goal::Stopped).await?,
        Step::ArchiveAndRestore => reach(world, id, Goal::Archived).await?,
        Step::ArchiveTakenBack => {
            reach(world, id, Goal::Stopped).await?;
            // Either may be refused: what counts is that it gets back.
            for verb in ["archive", "start"] {
                let _ = world.api.call(Method::POST, &format!("/sandbox/{id}/{verb}"), None).await;
            }
        }
        Step::Fork => fork(world, id, tree, number).await?,
        Step::PauseAndResume => reach(world, id, Goal::Paused).await?,
        Step::Resize => resize(world, id).await?,
        Step::Exec => {
            let run = || async {
                let sum = world.toolbox(id).sh("head -c 1M /dev/zero | sha256sum").await?;
                ensure!(sum.starts_with("30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"), "{sum}");
                Ok(())
            };
            in_started(world, id, "a command", run).await?;
        }
    }
    reach(world, id, Goal::Started).await
}

/// A fork has the same files, and is deleted then.
async fn fork(world: &World, id: &str, tree: &Tree, number: u32) -> Result<(), Missed> {
    reach(world, id, Goal::Started).await?;
    let name = format!("fork-{number}-of-{id}");
    let child = make(world, &format!("/sandbox/{id}/fork"), &name, &json!({ "name": name })).await?;
    count(&world.counts.made);
    match reach(world, &child, Goal::Started).await {
        Ok(()) => {}
        // Its source's files are there; of its own nothing was promised before it has started.
        Err(Missed::Broken(reason)) => {
            stillborn(world, &child, &reason).await;
            return Ok(());
        }
        Err(missed) => return Err(missed),
    }
    world.promise(&child, tree.clone());
    if let Err(missed) = verify(world, &child, tree).await {
        world.let_go(&child);
        note(world, &format!("{child}, fork of {id},"), missed);
    }
    delete(world, &child).await;
    Ok(())
}

/// It may grow while it runs and shrink while it does not. A runner without room may refuse.
async fn resize(world: &World, id: &str) -> Result<(), Missed> {
    let shown = in_started(world, id, "its sizes", || world.api.get(id)).await?;
    let cpu = shown["cpu"].as_u64().unwrap_or(1);
    let wanted = if cpu < MOST_CPUS {
        cpu + 1
    } else {
        reach(world, id, Goal::Stopped).await?;
        1
    };
    let _ = world.api.call(Method::POST, &format!("/sandbox/{id}/resize"), Some(&json!({ "cpu": wanted }))).await;
    Ok(())
}

/// From the moment that it is asked for, nothing is promised any more.
pub async fn delete(world: &World, id: &str) {
    world.let_go(id);
    match reach(world, id, Goal::Gone).await {
        Ok(()) => count(&world.counts.deleted),
        Err(missed) => note(world, id, missed),
    }
}

async fn stillborn(world: &World, id: &str, reason: &str) {
    count(&world.counts.stillborn);
    world.say(&format!("stillborn: {id}: {reason}"));
    delete(world, id).await;
}

/// Remembers what must not happen.
pub fn note(world: &World, id: &str, missed: Missed) {
    match missed {
        Missed::Broken(reason) => world.failed(Failure::LostFiles, format!("{id} is lost: {reason}")),
        Missed::Changed(changes) => world.failed(Failure::LostFiles, format!("{id} has changed:\n{changes}")),
        Missed::Misnamed(name) => world.failed(Failure::Misnamed, format!("{id} has the host name {name}")),
        Missed::Never(what) => world.failed(Failure::NeverSucceeded, what),
    }
}
