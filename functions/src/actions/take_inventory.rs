//! What to do with each container a runner found, and what it should hold but did not find.
//!
//! Destruction needs proof, not absence: a container is removed only when a strongly consistent read of the head says
//! destroyed. What is unknown, or of an epoch that was lost, is stopped and its files are kept for a day. Where there is
//! nothing new to say, or the head does not read, nothing is said, and the container stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use paddock_model::{
    id::{RunnerId, SandboxId},
    lifecycle::State,
    sandbox::Sandbox,
};
use paddock_wire::{
    agents::{Decision, Inventory, InventoryAnswer, InventoryEntry},
    work::{Message, Work},
};

use super::{Error, place, work};
use crate::{app::App, store::sandboxes::Heads};

/// An answer may always drop this many.
const DROP_FREELY: usize = 10;

/// Bytes of work in one answer: a function may answer 6 MB, and the rest of the answer is small.
const MOST_WORK: usize = 4 * 1024 * 1024;

/// What the table says of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    /// Proven destroyed.
    Destroyed,
    /// Proven to be of a lost epoch, or of another owner.
    Lost,
    /// Nothing is known of it.
    Unknown,
    /// It is where and what it should be; or that cannot be told.
    AsItIs,
    /// The runner owns it, and perhaps does not know its present wish.
    Owned,
}

/// Decides about every entry.
pub async fn run(app: &App, runner: RunnerId, inventory: Inventory) -> Result<InventoryAnswer, Error> {
    let owned = app.store.owned_by(runner).await?;
    let listed: BTreeSet<SandboxId> = inventory.entries.iter().map(|entry| SandboxId(entry.sandbox_id)).collect();
    let ids: BTreeSet<SandboxId> = owned.into_iter().map(|(id, _)| id).chain(listed.iter().copied()).collect();
    let Heads { found, unreadable } = app.store.heads(&Vec::from_iter(ids)).await?;
    let heads: BTreeMap<SandboxId, Sandbox> = found.into_iter().map(|head| (head.sandbox.id, head.sandbox)).collect();
    let judged = |entry: &InventoryEntry| match heads.get(&SandboxId(entry.sandbox_id)) {
        None if unreadable.contains(&SandboxId(entry.sandbox_id)) => Finding::AsItIs,
        head => judge(runner, entry, head),
    };
    let findings: Vec<(Finding, InventoryEntry)> =
        inventory.entries.into_iter().map(|entry| (judged(&entry), entry)).collect();
    brake(&findings)?;

    let kept = findings.iter().filter(|(it, _)| *it == Finding::Owned).map(|(_, entry)| SandboxId(entry.sandbox_id));
    // A failed one rests until somebody wishes again; serving its old wish would only fail it once more.
    let absent = heads.values().filter(|head| head.runner == Some(runner) && !head.state.is_failed());
    let absent = absent.map(|head| head.id).filter(|id| !listed.contains(id));
    let works = works(app, runner, &Vec::from_iter(kept.chain(absent))).await?;
    let (answer, by_queue) = answer(findings, works);
    send(app, runner, by_queue).await?;
    Ok(answer)
}

fn judge(runner: RunnerId, entry: &InventoryEntry, head: Option<&Sandbox>) -> Finding {
    let InventoryEntry { sandbox_id: _, epoch, running, settled_generation } = *entry;
    let Some(head) = head else { return Finding::Unknown };
    if head.state == State::Destroyed {
        return Finding::Destroyed;
    }
    if head.epoch > epoch || head.runner != Some(runner) {
        return Finding::Lost;
    }
    if head.epoch < epoch {
        return Finding::Unknown;
    }
    let is_settled = settled_generation == Some(head.generation)
        && head.is_at_rest()
        && running == matches!(head.state, State::Started | State::Paused);
    if head.state.is_failed() || is_settled { Finding::AsItIs } else { Finding::Owned }
}

/// Dropping an abnormal share at once is more likely our mistake than the truth. What was lost to another epoch or owner
/// is no drop: the head that says so is the proof, and a runner that comes back from the dead has lost everything.
fn brake(findings: &[(Finding, InventoryEntry)]) -> Result<(), Error> {
    let held = findings.len();
    let is_drop = |it: &Finding| matches!(it, Finding::Destroyed | Finding::Unknown);
    let dropped = findings.iter().filter(|(it, _)| is_drop(it)).count();
    if dropped > DROP_FREELY.max(held / 10) {
        tracing::error!(dropped, held, "brake: an inventory answer would drop an abnormal share");
        return Err(Error::TooManyDropped { dropped, held });
    }
    Ok(())
}

/// The present wishes of those that this runner still owns. What does not read gets none, and stays as it is.
async fn works(app: &App, runner: RunnerId, ids: &[SandboxId]) -> Result<BTreeMap<SandboxId, Work>, Error> {
    let mut works = BTreeMap::new();
    for (head, spec) in app.store.details(ids).await? {
        if head.sandbox.runner == Some(runner)
            && !head.sandbox.state.is_failed()
            && let Some(work) = work::build(app, &head.sandbox, &spec, None).await?
        {
            works.insert(head.sandbox.id, work);
        }
    }
    Ok(works)
}

/// The answer, and the work that has no place in it.
fn answer(
    findings: Vec<(Finding, InventoryEntry)>,
    mut works: BTreeMap<SandboxId, Work>,
) -> (InventoryAnswer, Vec<Work>) {
    let (mut decisions, mut by_queue, mut room) = (Vec::new(), Vec::new(), MOST_WORK);
    for (finding, InventoryEntry { sandbox_id, epoch, .. }) in findings {
        match finding {
            Finding::AsItIs => {}
            Finding::Destroyed => decisions.push(Decision::Remove { sandbox_id, epoch }),
            Finding::Lost | Finding::Unknown => decisions.push(Decision::StopAndKeep { sandbox_id, epoch }),
            Finding::Owned => {
                let work = works.remove(&SandboxId(sandbox_id)).filter(|work| work.epoch == epoch);
                let Some(mut work) = work else { continue };
                // It is there: losing it now would be losing files, whatever was reported before.
                work.expect_container = true;
                if takes(&mut room, &work) {
                    decisions.push(Decision::Keep { work: Box::new(work) });
                } else {
                    by_queue.push(work);
                }
            }
        }
    }
    let (missing, others): (Vec<Work>, Vec<Work>) = works.into_values().partition(|work| takes(&mut room, work));
    by_queue.extend(others);
    (InventoryAnswer { decisions, missing }, by_queue)
}

fn takes(room: &mut usize, work: &Work) -> bool {
    let bytes = serde_json::to_vec(work).map_or(usize::MAX, |text| text.len());
    let fits = bytes <= *room;
    *room -= if fits { bytes } else { 0 };
    fits
}

/// What the answer has no room for goes by the queue, as all work does. That is safe: to the owner both roads are one,
/// and a message that is lost is made up for by the next inventory, in which its sandbox is not settled still.
async fn send(app: &App, runner: RunnerId, works: Vec<Work>) -> Result<(), Error> {
    if works.is_empty() {
        return Ok(());
    }
    let Some(owner) = place::runner(app, runner).await? else { return Ok(()) };
    for work in works {
        app.queue.send(&owner.queue_url, &Message::Work(Box::new(work))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use paddock_model::{
        id::SnapshotId,
        lifecycle::Desired,
        sandbox::{Resources, Timers},
        snapshot::Snapshot,
        time::Timestamp,
    };

    use super::*;
    use crate::actions::create_sandbox::fresh;

    fn head(runner: RunnerId) -> Sandbox {
        let timers = Timers::default();
        let snapshot = Snapshot {
            state: paddock_model::snapshot::SnapshotState::Active,
            source: None,
            id: SnapshotId::random(),
            organization: None,
            name: "s".into(),
            image: "i".into(),
            resources: Resources { cpu: 1, memory_gib: 1, disk_gib: 1 },
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        };
        let mut head = fresh(Timestamp(0), "local".into(), &snapshot, timers).placed(runner, Timestamp(0));
        (head.state, head.seen_generation) = (State::Started, head.generation);
        head
    }

    #[test]
    fn work_is_for_those_who_may_not_know_it() {
        let runner = RunnerId::random();
        let rests = head(runner);
        let entry = |running, settled_generation| InventoryEntry {
            sandbox_id: rests.id.0,
            epoch: rests.epoch,
            running,
            settled_generation,
        };
        let settled = entry(true, Some(rests.generation));
        assert_eq!(judge(runner, &settled, Some(&rests)), Finding::AsItIs);
        for unsure in [entry(true, None), entry(false, Some(1)), entry(true, Some(9))] {
            assert_eq!(judge(runner, &unsure, Some(&rests)), Finding::Owned, "{unsure:?}");
        }
        let mut wished = rests.clone();
        (wished.generation, wished.desired, wished.state) = (2, Desired::Stopped, State::Stopping);
        assert_eq!(judge(runner, &settled, Some(&wished)), Finding::Owned);
        let mut failed = rests.clone();
        failed.state = State::Error;
        assert_eq!(judge(runner, &entry(true, None), Some(&failed)), Finding::AsItIs, "a restart mends no error");
    }

    #[test]
    fn what_a_head_proves_lost_is_no_drop() {
        let (runner, other) = (RunnerId::random(), RunnerId::random());
        let mut moved = head(other);
        moved.epoch = 2;
        let entry = |epoch| InventoryEntry { sandbox_id: moved.id.0, epoch, running: true, settled_generation: None };
        assert_eq!(judge(runner, &entry(1), Some(&moved)), Finding::Lost);
        assert_eq!(judge(other, &entry(3), Some(&moved)), Finding::Unknown, "an epoch that never was");
        assert_eq!(judge(runner, &entry(1), None), Finding::Unknown);
        let all = |finding| brake(&Vec::from_iter(std::iter::repeat_n((finding, entry(1)), 11))).is_ok();
        assert_eq!([Finding::Lost, Finding::AsItIs, Finding::Owned].map(all), [true; 3]);
        assert_eq!([Finding::Unknown, Finding::Destroyed].map(all), [false; 2]);
    }
}
