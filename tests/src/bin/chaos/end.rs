//! When it is quiet again: nothing is under way, everybody has their files and can be deleted.

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use paddock_tests::converge::{CONVERGENCE, Look, PATIENCE, within};
use paddock_tests::table::{self, Item, text};
use paddock_tests::tree::Tree;

use crate::load::{delete, note};
use crate::reach::verify;
use crate::world::{Failure, World};

/// States in which nothing is under way.
const SETTLED: [&str; 6] = ["started", "stopped", "error", "build_failed", "archived", "paused"];

/// Waits until it must be quiet, looks at everybody, and deletes them.
pub async fn settle(world: &World) -> Result<()> {
    world.disturbed();
    world.say(&world.progress());
    world.say(&format!("no more faults and wishes; all must be settled in {CONVERGENCE:?}"));
    tokio::time::sleep(CONVERGENCE).await;
    for stuck in transitional().await? {
        world.failed(Failure::Transitional, stuck);
    }
    let listed = within(PATIENCE, "a list", || async { world.api.list().await.map(Look::Done) }).await?;
    let promised = world.promised();
    for id in promised.keys().filter(|id| !listed.iter().any(|(listed, _)| listed == *id)) {
        world.failed(Failure::LostSandbox, format!("{id} is not listed any more"));
    }
    world.say(&format!("{} sandboxes are left: {}", listed.len(), states(&listed)));
    join_all(listed.iter().map(|(id, state)| see_off(world, id, state, promised.get(id)))).await;
    world.say(&world.progress());
    Ok(())
}

/// Started once more with all its files, if it has promised any, and deleted.
async fn see_off(world: &World, id: &str, state: &str, tree: Option<&Tree>) {
    if let Some(tree) = tree
        && let Err(missed) = verify(world, id, tree).await
    {
        note(world, &format!("{id}, {state} at the end,"), missed);
    }
    delete(world, id).await;
}

/// Whose state is none to stay in. A place of the pool may just be filled; one that stays so is stuck too.
async fn transitional() -> Result<Vec<String>> {
    let items = table::scan().await?;
    let mut stuck = Vec::new();
    let mut pool = Vec::new();
    for (id, head) in table::live_heads(&items).into_iter() {
        let state = text(head, "state");
        if SETTLED.contains(&state) {
            continue;
        }
        let seen = format!("{id} is {state}: {}", shown(head));
        if head.contains_key("org") { stuck.push(seen) } else { pool.push((id, state.to_owned(), seen)) }
    }
    if pool.is_empty() {
        return Ok(stuck);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let items = table::scan().await?;
    let heads = table::live_heads(&items);
    let same = |id: &str, state: &str| heads.get(id).is_some_and(|head| text(head, "state") == state);
    stuck.extend(pool.into_iter().filter(|(id, state, _)| same(id, state)).map(|(.., seen)| seen));
    Ok(stuck)
}

fn shown(head: &Item) -> String {
    serde_json::to_string(head).unwrap_or_default()
}

fn states(listed: &[(String, String)]) -> String {
    let mut names: Vec<&str> = listed.iter().map(|(_, state)| state.as_str()).collect();
    names.sort_unstable();
    names.join(", ")
}
