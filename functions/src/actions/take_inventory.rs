//! What to do with each container a runner found, and what it should hold but did not find.
//!
//! Destruction needs proof, not absence: a container is removed only when a strongly consistent read of the head says
//! destroyed. What is unknown, or of an epoch that was lost, is stopped and its files are kept for a day.

use std::collections::{HashMap, HashSet};

use paddock_model::{
    id::{RunnerId, SandboxId},
    lifecycle::State,
    sandbox::{Sandbox, Spec},
};
use paddock_wire::agents::{Decision, Inventory, InventoryAnswer, InventoryEntry};

use super::{Error, work};
use crate::{app::App, store::sandboxes::Stored};

/// An answer may always drop this many.
const DROP_FREELY: usize = 10;

/// Decides about every entry.
pub async fn run(app: &App, runner: RunnerId, inventory: Inventory) -> Result<InventoryAnswer, Error> {
    let owned = app.store.owned_by(runner).await?;
    let listed: HashSet<SandboxId> = inventory.entries.iter().map(|entry| SandboxId(entry.sandbox_id)).collect();
    let mut ids: HashSet<SandboxId> = owned.into_iter().map(|(id, _)| id).collect();
    ids.extend(&listed);
    let ids: Vec<SandboxId> = ids.into_iter().collect();
    let heads = app.store.heads(&ids).await?;
    let heads: HashMap<SandboxId, Stored> = heads.into_iter().map(|head| (head.sandbox.id, head)).collect();
    let kept: Vec<SandboxId> =
        heads.values().filter(|head| head.sandbox.runner == Some(runner)).map(|head| head.sandbox.id).collect();
    let details: HashMap<SandboxId, (Sandbox, Spec)> = app
        .store
        .details(&kept)
        .await?
        .into_iter()
        .map(|(head, spec)| (head.sandbox.id, (head.sandbox, spec)))
        .collect();

    let mut decisions = Vec::with_capacity(inventory.entries.len());
    for entry in &inventory.entries {
        decisions.push(decide(app, runner, entry, &heads, &details)?);
    }
    brake(&decisions)?;
    let mut missing = Vec::new();
    for (id, (sandbox, spec)) in &details {
        // A failed one rests until somebody wishes again; serving its old wish would only fail it once more.
        if !listed.contains(id) && sandbox.runner == Some(runner) && !sandbox.state.is_failed() {
            missing.extend(work::build(app, sandbox, spec, None)?);
        }
    }
    Ok(InventoryAnswer { decisions, missing })
}

fn decide(
    app: &App,
    runner: RunnerId,
    entry: &InventoryEntry,
    heads: &HashMap<SandboxId, Stored>,
    details: &HashMap<SandboxId, (Sandbox, Spec)>,
) -> Result<Decision, Error> {
    let InventoryEntry { sandbox_id, epoch, running: _ } = *entry;
    let id = SandboxId(sandbox_id);
    if heads.get(&id).is_some_and(|head| head.sandbox.state == State::Destroyed) {
        return Ok(Decision::Remove { sandbox_id, epoch });
    }
    if let Some((sandbox, spec)) = details.get(&id)
        && sandbox.runner == Some(runner)
        && sandbox.epoch == epoch
        && let Some(mut work) = work::build(app, sandbox, spec, None)?
    {
        // It is there: losing it now would be losing files, whatever was reported before.
        work.expect_container = true;
        return Ok(Decision::Keep { work: Box::new(work) });
    }
    Ok(Decision::StopAndKeep { sandbox_id, epoch })
}

/// Dropping an abnormal share at once is more likely our mistake than the truth.
fn brake(decisions: &[Decision]) -> Result<(), Error> {
    let held = decisions.len();
    let dropped = decisions.iter().filter(|decision| !matches!(decision, Decision::Keep { .. })).count();
    if dropped > DROP_FREELY.max(held / 10) {
        tracing::error!(dropped, held, "brake: an inventory answer would drop an abnormal share");
        return Err(Error::TooManyDropped { dropped, held });
    }
    Ok(())
}
