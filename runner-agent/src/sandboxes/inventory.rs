//! What is here against what the control plane knows: at start, every ten minutes, and when digests differ.
//!
//! Absence never destroys: only a decision, made by a consistent read, does. An answer that would end an abnormal
//! share of what is here is refused as a whole.

use std::{collections::HashSet, time::Duration};

use paddock_wire::agents::{Decision, Inventory, InventoryAnswer, InventoryEntry};
use uuid::Uuid;

use super::{
    host::Host,
    registry::{Letter, Registry},
};
use crate::{
    control_api::ControlApiError,
    engine::{Container, EngineError, labels::container_name},
};

/// Files of a placement that nobody knows are kept this long.
const KEEP_UNKNOWN: Duration = Duration::from_secs(24 * 3600);
/// So many may always be ended at once; beyond, a tenth of all.
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
    /// The answer would end too much.
    #[error("refused an answer that would end {ended} of {all} sandboxes")]
    Brake {
        /// How many it would end.
        ended: usize,
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
    host.slots.adopt(&containers).await;
    let mut known = HashSet::new();
    for container in &containers {
        let Some(labels) = container.labels.sandbox() else { continue };
        host.holdings.adopt(labels.sandbox, labels.epoch, labels.size, container.running);
        known.insert(labels.sandbox);
        if container.name == container_name(labels.sandbox) {
            // Its first act is to look; its first work comes with the inventory.
            registry.get_or_seat(labels.sandbox);
        }
    }
    host.files.sweep(&known);
    tracing::info!(sandboxes = known.len(), "adopted");
    Ok(())
}

/// One exchange.
///
/// # Errors
/// When either side does not answer, or the answer is refused.
pub async fn exchange(host: &Host, registry: &Registry) -> Result<(), InventoryError> {
    let containers = host.engine.list(&host.deployment, &host.runner).await?;
    let entries: Vec<_> = containers.iter().filter_map(entry).collect();
    let listed: HashSet<_> = entries.iter().map(|entry| (entry.sandbox_id, entry.epoch)).collect();
    let answer = host.control.inventory(&Inventory { entries }).await?;
    brake(&answer, listed.len())?;
    for decision in answer.decisions {
        decide(host, registry, &listed, decision);
    }
    for work in answer.missing {
        registry.deliver(work);
    }
    Ok(())
}

fn entry(container: &Container) -> Option<InventoryEntry> {
    let labels = container.labels.sandbox()?;
    Some(InventoryEntry { sandbox_id: labels.sandbox, epoch: labels.epoch, running: container.running })
}

fn brake(answer: &InventoryAnswer, all: usize) -> Result<(), InventoryError> {
    let ended = answer.decisions.iter().filter(|decision| !matches!(decision, Decision::Keep { .. })).count();
    if ended > BRAKE_FLOOR.max(all / 10) { Err(InventoryError::Brake { ended, all }) } else { Ok(()) }
}

fn decide(host: &Host, registry: &Registry, listed: &HashSet<(Uuid, u64)>, decision: Decision) {
    match decision {
        Decision::Keep { work } => {
            if let Err(error) = host.journal.wanted(work.sandbox_id, work.epoch) {
                tracing::warn!(%error, "journal");
            }
            registry.deliver(*work);
        }
        Decision::Remove { sandbox_id, epoch } if listed.contains(&(sandbox_id, epoch)) => {
            tracing::info!(sandbox = %sandbox_id, epoch, "removing what is proven destroyed");
            registry.get_or_seat(sandbox_id).send(Letter::Remove { epoch });
        }
        Decision::StopAndKeep { sandbox_id, epoch } if listed.contains(&(sandbox_id, epoch)) => {
            let letter = match host.journal.kept_for(sandbox_id, epoch) {
                Ok(kept) if kept >= KEEP_UNKNOWN => Letter::Remove { epoch },
                Ok(_) => Letter::StopAndKeep { epoch },
                Err(error) => {
                    tracing::warn!(%error, "journal");
                    Letter::StopAndKeep { epoch }
                }
            };
            tracing::warn!(sandbox = %sandbox_id, epoch, ?letter, "the control plane does not want it");
            registry.get_or_seat(sandbox_id).send(letter);
        }
        Decision::Remove { sandbox_id, epoch } | Decision::StopAndKeep { sandbox_id, epoch } => {
            tracing::error!(sandbox = %sandbox_id, epoch, "decision about something that was not asked; ignored");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(removals: usize) -> InventoryAnswer {
        let remove = |_| Decision::Remove { sandbox_id: Uuid::new_v4(), epoch: 1 };
        InventoryAnswer { decisions: (0..removals).map(remove).collect(), missing: Vec::new() }
    }

    #[test]
    fn the_brake_stops_an_answer_that_ends_too_much() {
        assert!(brake(&answer(10), 10).is_ok());
        assert!(brake(&answer(11), 12).is_err());
        assert!(brake(&answer(20), 200).is_ok());
        assert!(brake(&answer(21), 200).is_err());
    }
}
