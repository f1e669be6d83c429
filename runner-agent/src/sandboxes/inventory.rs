//! What is here against what the control plane knows: at start, every ten minutes, and when digests differ.
//!
//! Absence never destroys: only a decision, made by a consistent read, does. Of an answer that would remove an abnormal
//! share of what is here nothing is removed or stopped; what it keeps is served all the same.

use std::{collections::HashSet, time::Duration};

use paddock_wire::{
    agents::{Decision, Inventory, InventoryEntry},
    work::Work,
};
use uuid::Uuid;

use super::{
    host::Host,
    registry::{Letter, Registry},
};
use crate::{
    control_api::ControlApiError,
    engine::{
        Container, EngineError,
        labels::{Role, container_name},
    },
};

/// Files of a placement that nobody knows are kept this long.
const KEEP_UNKNOWN: Duration = Duration::from_secs(24 * 3600);
/// So many may always be removed at once; beyond, a tenth of all.
const BRAKE_FLOOR: usize = 10;

/// Why there was no exchange.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The engine does not say what is here.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The control plane does not say what it knows.
    #[error(transparent)]
    Control(#[from] ControlApiError),
    /// The answer would remove too much.
    #[error("refused an answer that would remove {removed} of {all} sandboxes")]
    Brake {
        /// How many it would remove.
        removed: usize,
        /// Of how many.
        all: usize,
    },
}

/// Takes over what an earlier agent left: stock, sandboxes, and the room that they take. Sweeps what is half made.
///
/// # Errors
/// When the engine does not answer.
pub async fn adopt(host: &Host, registry: &Registry) -> Result<(), EngineError> {
    let containers = host.engine.list(&host.deployment, &host.runner).await?;
    host.slots.adopt(&containers);
    let mut known = HashSet::new();
    for container in &containers {
        if container.labels.role == Role::Still {
            // For a capture that will be begun anew.
            host.engine.remove(&container.id).await?;
        }
        let Some(labels) = container.labels.sandbox() else { continue };
        host.holdings.adopt(labels.sandbox, labels.epoch, labels.size, container.running);
        known.insert(labels.sandbox);
        if container.name == container_name(labels.sandbox) {
            // Its first act is to look; its first work comes with the inventory.
            registry.get_or_seat(labels.sandbox);
        }
    }
    host.files.sweep(&known).await;
    tracing::info!(sandboxes = known.len(), "adopted");
    Ok(())
}

/// One exchange.
///
/// # Errors
/// When either side does not answer, or a part of the answer is refused.
pub async fn exchange(host: &Host, registry: &Registry) -> Result<(), InventoryError> {
    let containers = host.engine.list(&host.deployment, &host.runner).await?;
    let entries: Vec<_> = containers.iter().filter_map(|container| entry(registry, container)).collect();
    let listed: HashSet<_> = entries.iter().map(|entry| (entry.sandbox_id, entry.epoch)).collect();
    let answer = host.control.inventory(&Inventory { entries }).await?;
    noted(host.journal.forget_absent(&listed));
    for work in answer.missing {
        registry.deliver(work);
    }
    let mut ends = Ends::default();
    for decision in answer.decisions {
        match decision {
            Decision::Keep { work } => keep(host, registry, *work),
            Decision::Remove { sandbox_id, epoch } => ends.removed.push((sandbox_id, epoch)),
            Decision::StopAndKeep { sandbox_id, epoch } => ends.stopped.push((sandbox_id, epoch)),
        }
    }
    for (sandbox, letter) in ends.letters(host, &listed)? {
        tracing::warn!(%sandbox, ?letter, "the control plane does not want it");
        registry.get_or_seat(sandbox).send(letter);
    }
    Ok(())
}

fn entry(registry: &Registry, container: &Container) -> Option<InventoryEntry> {
    let labels = container.labels.sandbox()?;
    let applied = registry.get(labels.sandbox).map(|handle| handle.applied().borrow().clone());
    let settled = applied.filter(|it| it.generation > 0 && it.has_settled(labels.epoch, it.generation));
    Some(InventoryEntry {
        sandbox_id: labels.sandbox,
        epoch: labels.epoch,
        running: container.running,
        settled_generation: settled.map(|it| it.generation),
    })
}

fn keep(host: &Host, registry: &Registry, work: Work) {
    noted(host.journal.wanted(work.sandbox_id, work.epoch));
    let owner = registry.get(work.sandbox_id);
    let settled = owner.is_some_and(|it| it.applied().borrow().has_settled(work.epoch, work.generation));
    // A question about idleness is new, whatever was settled before; so is that a capture was accepted.
    if !settled || work.stop_if_idle_seconds.is_some() || work.archived.is_some() {
        registry.deliver(work);
    }
}

fn noted(written: std::io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, "journal");
    }
}

/// What an answer would end, by sandbox and epoch.
#[derive(Debug, Default)]
struct Ends {
    /// Proven destroyed.
    removed: Vec<(Uuid, u64)>,
    /// Unknown, or of a lost epoch. The wire does not tell which; either way files stay for now.
    stopped: Vec<(Uuid, u64)>,
}

impl Ends {
    /// What to tell owners, unless it is too much.
    fn letters(self, host: &Host, listed: &HashSet<(Uuid, u64)>) -> Result<Vec<(Uuid, Letter)>, InventoryError> {
        let most = BRAKE_FLOOR.max(listed.len() / 10);
        let removed = asked_about(self.removed, listed);
        // Those that were kept long enough go in portions, so that many at once end no more than a wrong answer could.
        let mut portion = most
            .checked_sub(removed.len())
            .ok_or(InventoryError::Brake { removed: removed.len(), all: listed.len() })?;
        let mut letters: Vec<_> = removed.into_iter().map(|(id, epoch)| (id, Letter::Remove { epoch })).collect();
        let stopped = asked_about(self.stopped, listed);
        let kept = host.journal.kept_for(&stopped).unwrap_or_else(|error| {
            tracing::warn!(%error, "journal");
            vec![Duration::ZERO; stopped.len()]
        });
        for ((sandbox, epoch), kept) in stopped.into_iter().zip(kept) {
            let expired = kept >= KEEP_UNKNOWN && portion > 0;
            portion -= usize::from(expired);
            letters.push((sandbox, if expired { Letter::Remove { epoch } } else { Letter::StopAndKeep { epoch } }));
        }
        Ok(letters)
    }
}

fn asked_about(decided: Vec<(Uuid, u64)>, listed: &HashSet<(Uuid, u64)>) -> Vec<(Uuid, u64)> {
    let (asked, unasked): (Vec<_>, Vec<_>) = decided.into_iter().partition(|placement| listed.contains(placement));
    if !unasked.is_empty() {
        tracing::error!(?unasked, "decisions about something that was not asked; ignored");
    }
    asked
}

#[cfg(test)]
mod tests {
    use paddock_wire::work::Wish;

    use super::*;
    use crate::{
        engine::fake::FakeEngine,
        sandboxes::{
            environment::tests::work,
            host::tests::host,
            registry::{Applied, OwnerSeat, Phase},
        },
    };

    fn placements(count: usize) -> Vec<(Uuid, u64)> {
        (0..count).map(|_| (Uuid::new_v4(), 1)).collect()
    }

    async fn letters(ends: Ends, here: &[(Uuid, u64)]) -> Result<Vec<(Uuid, Letter)>, InventoryError> {
        let state = tempfile::tempdir().unwrap();
        let host = host(&FakeEngine::new(&[]), state.path()).await;
        ends.letters(&host, &here.iter().copied().collect())
    }

    #[tokio::test]
    async fn the_brake_stops_an_answer_that_removes_too_much() {
        for (here, removed, passes) in [(12, 10, true), (12, 11, false), (200, 20, true), (200, 21, false)] {
            let here = placements(here);
            let ends = Ends { removed: here[..removed].to_vec(), ..Ends::default() };
            assert_eq!(letters(ends, &here).await.is_ok(), passes, "{removed} of {}", here.len());
        }
    }

    #[tokio::test]
    async fn all_may_be_stopped_at_once_because_their_files_stay() {
        let here = placements(50);
        let ends = Ends { stopped: here.clone(), ..Ends::default() };
        let letters = letters(ends, &here).await.unwrap();
        assert_eq!(letters.len(), 50);
        assert!(letters.iter().all(|(_, letter)| matches!(letter, Letter::StopAndKeep { epoch: 1 })));
    }

    #[tokio::test]
    async fn what_was_kept_long_enough_goes_in_portions() {
        let here = placements(15);
        let kept = here.iter().map(|(id, epoch)| format!("\"{id} {epoch}\": 0")).collect::<Vec<_>>().join(", ");
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("journal.json"), format!("{{ \"kept\": {{ {kept} }} }}")).unwrap();
        let host = host(&FakeEngine::new(&[]), state.path()).await;
        let ends = Ends { stopped: here.clone(), ..Ends::default() };
        let letters = ends.letters(&host, &here.iter().copied().collect()).unwrap();
        let removed = letters.iter().filter(|(_, letter)| matches!(letter, Letter::Remove { .. })).count();
        assert_eq!((removed, letters.len()), (BRAKE_FLOOR, 15));
    }

    #[tokio::test]
    async fn what_was_not_asked_about_is_left_alone() {
        let (here, elsewhere) = (placements(1), placements(1));
        let ends = Ends { removed: elsewhere.clone(), stopped: elsewhere };
        assert!(letters(ends, &here).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_owner_that_has_settled_a_wish_is_not_told_it_again() {
        let state = tempfile::tempdir().unwrap();
        let host = host(&FakeEngine::new(&[]), state.path()).await;
        let (sender, mut seats) = tokio::sync::mpsc::channel::<OwnerSeat>(1);
        let registry = Registry::new(move |seat| sender.try_send(seat).unwrap());
        let kept = work(Uuid::new_v4(), 2, 5, Wish::Started);
        registry.get_or_seat(kept.sandbox_id);
        let mut seat = seats.recv().await.unwrap();
        seat.applied.send_replace(Applied { epoch: 2, generation: 5, phase: Phase::Stopped, organization_id: None });
        keep(&host, &registry, kept.clone());
        assert!(seat.mailbox.try_recv().is_err());
        for news in [Work { generation: 6, ..kept.clone() }, Work { stop_if_idle_seconds: Some(1), ..kept.clone() }] {
            keep(&host, &registry, news);
            assert!(matches!(seat.mailbox.try_recv(), Ok(Letter::Work(_))));
        }
        seat.applied.send_modify(|applied| applied.phase = Phase::Gone);
        keep(&host, &registry, kept);
        assert!(matches!(seat.mailbox.try_recv(), Ok(Letter::Work(_))), "it was told to let go, and shall not");
    }
}
