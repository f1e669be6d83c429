//! The sweep: walks only what is due, and does for certainty what requests do for speed. Same plan, same road.

use std::collections::BTreeSet;

use futures::stream::TryStreamExt as _;
use paddock_model::{
    access::Actor,
    change::Effect,
    id::{RunnerId, SandboxId},
    sandbox::Sandbox,
    time::Timestamp,
};

use super::{
    Error, collect_captures,
    drive::{Changed, change_from, follow_up},
    place,
};
use crate::{
    app::App,
    store::{
        keys::DUE_SHARDS,
        sandboxes::{Beside, DueItem, Stored, Written},
    },
};

/// Sandboxes worked on at once.
const AT_ONCE: usize = 16;

/// The brake: a look takes this many to `error` because their owners are silent, and no more. So much silence at once is
/// more likely our own fault, and waiting destroys nothing. As each look takes some, it comes to an end all the same.
const FAIL_FREELY: usize = 10;

/// What a look found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Sandboxes that were due.
    pub due: usize,
    /// Sandboxes that the brake kept from `error`.
    pub braked: usize,
    /// When the next one is due, as far as was looked.
    pub next: Option<Timestamp>,
}

/// What is done with a sandbox that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// As the plan says.
    Plan,
    /// The plan would give it up, but the brake holds: its work is sent once more.
    Resend,
    /// Its owner was declared dead or removed, and it was placed there or overlooked at that moment: it is taken from it
    /// now.
    Bereave,
}

/// Does what is due now, and tells what will be due until `horizon`.
pub async fn run(app: &App, horizon: Timestamp) -> Result<Look, Error> {
    let now = app.now();
    let shards = futures::future::try_join_all((0..DUE_SHARDS).map(|shard| app.store.due(shard, horizon))).await?;
    let (due, later): (Vec<_>, Vec<_>) = shards.into_iter().flatten().partition(|due| due.at <= now);
    let ids: Vec<SandboxId> = due.iter().filter_map(|due| sandbox_of(due.what)).collect();
    let captures = due.iter().filter_map(|due| match due.what {
        DueItem::Capture(id) => Some(id),
        DueItem::Sandbox(_) => None,
    });
    collect_captures::run(app, captures.collect()).await;
    let mut heads = app.store.heads(&ids).await?.found;
    // The index may be older than the items.
    heads.retain(|head| head.sandbox.due.is_some_and(|due| due <= now));
    let found = heads.len();
    let dead = dead_owners(app, &heads).await?;
    let tasks = sort_out(heads, &dead, now);
    let braked = tasks.iter().filter(|(task, _)| *task == Task::Resend).count();
    if braked > 0 {
        tracing::error!(braked, due = found, "brake: the sweep would take an abnormal number to error");
    }
    futures::stream::iter(tasks.into_iter().map(Ok))
        .try_for_each_concurrent(AT_ONCE, |(task, head)| async move {
            let id = head.sandbox.id;
            // One that cannot be helped now must not keep the others waiting.
            if let Err(error) = Box::pin(look_at(app, task, head)).await {
                tracing::warn!(sandbox = %id, %error, "sweep will look again");
            }
            Ok::<(), Error>(())
        })
        .await?;
    Ok(Look { due: found, braked, next: later.iter().map(|due| due.at).min() })
}

fn sandbox_of(what: DueItem) -> Option<SandboxId> {
    match what {
        DueItem::Sandbox(id) => Some(id),
        DueItem::Capture(_) => None,
    }
}

/// Those that are dead. The item of a runner goes only when an operator removes it: who has none is dead too.
async fn dead_owners(app: &App, heads: &[Stored]) -> Result<BTreeSet<RunnerId>, Error> {
    let owners: BTreeSet<RunnerId> = heads.iter().filter_map(|head| head.sandbox.runner).collect();
    let known = futures::future::try_join_all(owners.iter().map(|owner| place::runner(app, *owner))).await?;
    let owners = owners.into_iter().zip(known);
    Ok(owners.filter(|(_, known)| known.as_ref().is_none_or(|it| it.dead)).map(|(owner, _)| owner).collect())
}

fn sort_out(heads: Vec<Stored>, dead: &BTreeSet<RunnerId>, now: Timestamp) -> Vec<(Task, Stored)> {
    let mut failing = 0;
    let mut task = |sandbox: &Sandbox| {
        if sandbox.runner.is_some_and(|owner| dead.contains(&owner)) {
            return Task::Bereave;
        }
        if !is_given_up(sandbox, now) {
            return Task::Plan;
        }
        failing += 1;
        if failing > FAIL_FREELY { Task::Resend } else { Task::Plan }
    };
    heads.into_iter().map(|head| (task(&head.sandbox), head)).collect()
}

/// The plan takes it to `error` for its owner's silence. That no runner had room is no sign of a fault of ours, so that
/// what nobody owns does not count.
fn is_given_up(sandbox: &Sandbox, now: Timestamp) -> bool {
    sandbox.runner.is_some() && !sandbox.state.is_failed() && sandbox.advance(now).0.state.is_failed()
}

async fn look_at(app: &App, task: Task, head: Stored) -> Result<(), Error> {
    if task == Task::Resend {
        return resend(app, head).await;
    }
    let owner = head.sandbox.runner;
    let changed = change_from(app, head, Beside::default(), &Actor::Sweep, |sandbox| {
        let now = app.now();
        if sandbox.due.is_none_or(|due| due > now) {
            return Ok(None);
        }
        if task == Task::Bereave && sandbox.runner == owner {
            return Ok(sandbox.bereft(now).ok());
        }
        Ok(Some(sandbox.clone()))
    })
    .await?;
    follow_up(app, &changed, None).await;
    Ok(())
}

async fn resend(app: &App, head: Stored) -> Result<(), Error> {
    let new = head.sandbox.resent(app.now());
    match app.store.change(&head, &new, Beside::default(), &Actor::Sweep).await? {
        Written::Done(stored) => {
            let changed = Changed { old: head.sandbox, new: stored, effect: Effect::Send };
            follow_up(app, &changed, None).await;
        }
        // Somebody else was first: it is looked at again when that is due.
        Written::Lost(_) | Written::NameTaken | Written::Short(_) | Written::PoolFull | Written::Collected => {}
    }
    Ok(())
}
