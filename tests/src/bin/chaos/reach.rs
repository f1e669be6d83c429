//! One wish until it is fulfilled. Requests may fail, be done without an answer, or meet a sandbox that a fault has
//! stopped meanwhile; so each round looks first, and then asks for what leads from there to where it shall be.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use paddock_tests::api::Answer;
use paddock_tests::tree::Tree;
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::world::{World, count};

/// After the last fault everything succeeds within this.
const PATIENCE: Duration = Duration::from_secs(180);
/// And even if faults never end: they are rare enough for that.
const MOST: Duration = Duration::from_secs(420);
const BETWEEN_LOOKS: Duration = Duration::from_millis(400);
/// A single call that hangs is given up and made again.
const CALL: Duration = Duration::from_secs(60);

/// Where a sandbox shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    Started,
    Stopped,
    Paused,
    Archived,
    Gone,
}

/// Why it did not get there.
#[derive(Debug)]
pub enum Missed {
    /// It is in an error that it cannot be recovered from, or unknown.
    Broken(String),
    /// Its files are not what they were.
    Changed(String),
    /// Its host name is another.
    Misnamed(String),
    /// Not within the bound.
    Never(String),
}

/// What one round found.
enum Round<T> {
    Done(T),
    NotYet(String),
    Broken(String),
}

/// Until it is there.
pub async fn reach(world: &World, id: &str, goal: Goal) -> Result<(), Missed> {
    patiently(world, &format!("{id} {goal:?}"), || round(world, id, goal)).await?;
    count(&world.counts.transitions);
    Ok(())
}

/// Until it was done in the started sandbox: started again before each try.
pub async fn in_started<T, F>(world: &World, id: &str, what: &str, work: impl Fn() -> F) -> Result<T, Missed>
where
    F: Future<Output = Result<T>>,
{
    patiently(world, &format!("{what} in {id}"), || async {
        Ok(match round(world, id, Goal::Started).await? {
            Round::Done(()) => Round::Done(timeout(CALL, work()).await.context("a call did not end")??),
            Round::NotYet(seen) => Round::NotYet(seen),
            Round::Broken(reason) => Round::Broken(reason),
        })
    })
    .await
}

/// Starts it and looks at its files and at its host name. A difference of files must be seen twice.
pub async fn verify(world: &World, id: &str, tree: &Tree) -> Result<(), Missed> {
    let look = || in_started(world, id, "its files", || async { tree.changes(&world.toolbox(id)).await });
    if look().await?.is_some()
        && let Some(changes) = look().await?
    {
        return Err(Missed::Changed(changes));
    }
    let name = in_started(world, id, "its host name", || async { world.toolbox(id).sh("hostname").await }).await?;
    if name != id {
        return Err(Missed::Misnamed(name));
    }
    count(&world.counts.verified);
    Ok(())
}

/// Makes one of this name, by a `POST` that may be answered or not; its id.
pub async fn make(world: &World, path: &str, name: &str, body: &Value) -> Result<String, Missed> {
    let id = |answer: &Answer| answer.body["id"].as_str().map(str::to_owned).context("a sandbox has an id");
    patiently(world, &format!("POST {path} of {name}"), || async {
        let made = world.api.call(Method::POST, path, Some(body)).await;
        if let Ok(answer) = made.as_ref()
            && answer.status == 200
        {
            return id(answer).map(Round::Done);
        }
        // Done all the same?
        let found = world.api.call(Method::GET, &format!("/sandbox/{name}"), None).await?;
        if found.status == 200 && found.body["state"] != "destroying" {
            return id(&found).map(Round::Done);
        }
        let made = made?;
        bail!("{} {}", made.status, made.body)
    })
    .await
}

async fn round(world: &World, id: &str, goal: Goal) -> Result<Round<()>> {
    let path = format!("/sandbox/{id}");
    let seen = world.api.call(Method::GET, &path, None).await?;
    if seen.status == 404 {
        return Ok(if goal == Goal::Gone { Round::Done(()) } else { Round::Broken("it is unknown".to_owned()) });
    }
    ensure!(seen.status == 200, "GET: {} {}", seen.status, seen.body);
    let state = seen.body["state"].as_str().unwrap_or_default();
    let verb = match next(goal, state) {
        Next::There => return Ok(Round::Done(())),
        Next::Wait => return Ok(Round::NotYet(format!("{state}, desired {}", seen.body["desiredState"]))),
        Next::Recover if seen.body["recoverable"] == true => "recover",
        Next::Recover => return Ok(Round::Broken(format!("error: {}", seen.body["errorReason"]))),
        Next::Ask(verb) => verb,
    };
    let asked = match verb {
        "delete" => world.api.call(Method::DELETE, &path, None).await?,
        verb => world.api.call(Method::POST, &format!("{path}/{verb}"), None).await?,
    };
    ensure!(asked.status == 200, "{verb} in {state}: {} {}", asked.status, asked.body);
    let reason = if verb == "recover" { seen.body["errorReason"].to_string() } else { String::new() };
    Ok(Round::NotYet(format!("asked to {verb} in {state} {reason}")))
}

/// What leads on.
enum Next {
    There,
    Wait,
    Ask(&'static str),
    /// If it can be.
    Recover,
}

fn next(goal: Goal, state: &str) -> Next {
    match (goal, state) {
        (Goal::Started, "started")
        | (Goal::Stopped, "stopped")
        | (Goal::Paused, "paused")
        | (Goal::Archived, "archived") => Next::There,
        (Goal::Gone, "destroying") => Next::Wait,
        (Goal::Gone, _) => Next::Ask("delete"),
        (_, "error") => Next::Recover,
        (Goal::Archived, "stopped") => Next::Ask("archive"),
        (Goal::Stopped | Goal::Archived, "started" | "paused") => Next::Ask("stop"),
        (Goal::Paused, "started") => Next::Ask("pause"),
        (_, "stopped" | "paused" | "archived") => Next::Ask("start"),
        _ => Next::Wait,
    }
}

async fn patiently<T, F>(world: &World, what: &str, round: impl Fn() -> F) -> Result<T, Missed>
where
    F: Future<Output = Result<Round<T>>>,
{
    let begin = Instant::now();
    loop {
        let seen = match round().await {
            Ok(Round::Done(value)) => return Ok(value),
            Ok(Round::Broken(reason)) => return Err(Missed::Broken(reason)),
            Ok(Round::NotYet(seen)) => seen,
            Err(problem) => {
                count(&world.counts.retries);
                format!("{problem:#}")
            }
        };
        let calm = world.last_fault().max(begin);
        if calm.elapsed() > PATIENCE || begin.elapsed() > MOST {
            let waited = begin.elapsed().as_secs();
            return Err(Missed::Never(format!("{what}: not in {waited} s; last seen: {seen}")));
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
