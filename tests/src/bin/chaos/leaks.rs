//! What must not be left when all sandboxes are deleted: each kind of leak, counted.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use paddock_tests::leftovers::{self, Containers};
use paddock_tests::stack::STACK;
use paddock_tests::{aws, docker, objects, processes, quota, table};
use tokio::time::Instant;

use crate::world::{Failure, World};

/// Sandboxes' containers go at once, what a runner could not remove is tried again after a while.
const CONTAINERS: Duration = Duration::from_secs(180);
/// What nobody names is marked after a minute and deleted after another, each at a tick that comes every minute.
const COLLECTION: Duration = Duration::from_secs(420);
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// More of one kind are counted, not shown; and of each no more than this many characters.
const SHOWN: usize = 5;
const LONGEST: usize = 1000;

/// A kind of leak or failure, and each one of it.
pub type Row = (&'static str, Vec<String>);

/// Files of the bucket.
pub fn blobs() -> Result<BTreeSet<PathBuf>> {
    Ok(objects::all()?.into_iter().collect())
}

/// Everything that is left. Blobs that were there before are not.
pub async fn count(world: &World, before: &BTreeSet<PathBuf>) -> Vec<Row> {
    world.say("counting what is left");
    let mut rows = vec![
        ("leaked sandboxes", until_none(CONTAINERS, sandboxes).await),
        ("leaked containers", until_none(CONTAINERS, containers).await),
        ("leaked networks", until_none(CONTAINERS, networks).await),
        ("leaked mounts", until_none(CONTAINERS, leftovers::mounts).await),
        ("leaked shims", until_none(CONTAINERS, leftovers::shims).await),
        ("leaked queues", until_none(CONTAINERS, queues).await),
    ];
    world.say("captures that nobody names are collected within minutes");
    rows.push(("leaked captures (M#)", until_none(COLLECTION, captures).await));
    let new = || async { Ok(blobs()?.difference(before).map(|path| path.display().to_string()).collect()) };
    rows.push(("leaked blobs", until_none(CONTAINERS, new).await));
    let spools = || async { Ok(objects::spools()?.iter().map(|path| path.display().to_string()).collect()) };
    rows.push(("leaked spools", until_none(CONTAINERS, spools).await));
    let quota = quota::settles().await.err().map(|problem| format!("{problem:#}"));
    rows.push(("quota not conserved", quota.into_iter().collect()));
    rows
}

/// Prints all, and says whether there is anything.
pub fn judge(world: &World, leaks: &[Row]) -> ExitCode {
    let failures = [
        ("transitional 60 s after the end", Failure::Transitional),
        ("lost files", Failure::LostFiles),
        ("lost sandboxes", Failure::LostSandbox),
        ("wrong host names", Failure::Misnamed),
        ("requests that never succeeded", Failure::NeverSucceeded),
    ];
    let failures = failures.map(|(what, failure)| (what, world.failures(failure)));
    let mut table = comfy_table::Table::new();
    table.set_header(["what", "count"]);
    let mut details = String::new();
    for (what, found) in leaks.iter().chain(&failures) {
        table.add_row([(*what).to_owned(), found.len().to_string()]);
        let shown = found.iter().take(SHOWN).map(|one| one.chars().take(LONGEST).collect::<String>());
        details.extend(shown.map(|one| format!("\n{what}: {one}")));
    }
    println!("{}\n{table}{details}", world.progress());
    let bad = leaks.iter().chain(&failures).any(|(_, found)| !found.is_empty());
    if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Looks until there is none, or the bound is over; what was seen last.
async fn until_none<F: Future<Output = Result<Vec<String>>>>(bound: Duration, look: impl Fn() -> F) -> Vec<String> {
    let begin = Instant::now();
    loop {
        let found = look().await.unwrap_or_else(|problem| vec![format!("it could not be looked at: {problem:#}")]);
        if found.is_empty() || begin.elapsed() > bound {
            return found;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Of organizations: the pool stays.
async fn sandboxes() -> Result<Vec<String>> {
    let items = table::scan().await?;
    let heads = table::live_heads(&items).into_iter().filter(|(_, head)| head.contains_key("org"));
    Ok(heads.map(|(id, head)| format!("{id} {}", table::text(head, "state"))).collect())
}

async fn containers() -> Result<Vec<String>> {
    let Containers { not_one, unexplained, .. } = Containers::find(&table::scan().await?).await?;
    Ok([not_one, unexplained].concat())
}

/// One network per runner, and in it no more pause containers than in use or in stock.
async fn networks() -> Result<Vec<String>> {
    let all = Containers::find(&table::scan().await?).await?;
    let surplus = all.surplus_networks();
    let mut found: Vec<String> = all.idle_networks.into_iter().take(surplus).collect();
    let deployment = STACK.env.get("PADDOCK_DEPLOYMENT").context("the env file names the deployment")?;
    let filter = format!("label=dev.paddock.deployment={deployment}");
    let networks = docker::docker(&["network", "ls", "--format", "{{.Name}}", "--filter", &filter]).await?;
    found.extend(networks.lines().skip(runners()).map(str::to_owned));
    Ok(found)
}

/// One per runner.
async fn queues() -> Result<Vec<String>> {
    let all = aws::queues().await?.into_iter();
    let work: Vec<String> = all.filter(|url| url.contains("/paddock-runner-")).collect();
    Ok(work.into_iter().skip(runners()).collect())
}

async fn captures() -> Result<Vec<String>> {
    let items = table::scan().await?;
    let all = items.iter().filter(|item| table::text(item, "pk").starts_with("M#"));
    Ok(all.map(|item| serde_json::to_string(item).unwrap_or_default()).collect())
}

fn runners() -> usize {
    processes::agents(STACK.state_dir()).len()
}
