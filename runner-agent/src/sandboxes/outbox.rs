//! Reports on their way to the control plane: kept until there is a verdict on each.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use paddock_wire::{
    agents::{Reports, Verdict},
    work::Report,
};
use tokio::sync::watch;

use super::registry::Registry;
use crate::control_api::{ControlApi, ControlApiError};

/// As many as one call may carry.
const BATCH: usize = 25;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Where owners put their reports; clones share them. At most one per sandbox waits: a newer one says all.
#[derive(Clone, Default)]
pub struct Outbox {
    waiting: Arc<Mutex<VecDeque<Report>>>,
    /// Those that wait and those in a call.
    pending: Arc<watch::Sender<usize>>,
}

impl Outbox {
    /// To be sent, and sent again until there is a verdict.
    pub fn put(&self, report: Report) {
        tracing::info!(
            sandbox = %report.sandbox_id,
            epoch = report.epoch,
            generation = report.generation,
            seq = report.seq,
            observed = ?report.observed,
            "report"
        );
        let mut waiting = self.waiting();
        let before = waiting.len();
        waiting.retain(|other| other.sandbox_id != report.sandbox_id);
        waiting.push_back(report);
        let now = waiting.len();
        self.pending.send_modify(|pending| *pending = *pending + now - before);
    }

    /// Waits until there is a verdict on all.
    pub async fn flushed(&self) {
        let mut pending = self.pending.subscribe();
        let _sender_lives_in_self = pending.wait_for(|pending| *pending == 0).await;
    }

    /// Sends for ever.
    pub async fn send_all(self, api: Arc<ControlApi>, registry: Arc<Registry>) {
        let mut pending = self.pending.subscribe();
        let mut wait = FIRST_WAIT;
        loop {
            drop(pending.wait_for(|pending| *pending > 0).await);
            let batch: Vec<Report> = {
                let mut waiting = self.waiting();
                let count = waiting.len().min(BATCH);
                waiting.drain(..count).collect()
            };
            let taken = batch.len();
            let again = match send(&api, &registry, &batch).await {
                Ok(again) => again,
                Err(error) => {
                    tracing::warn!(%error, reports = taken, "reports not delivered");
                    batch
                }
            };
            let left = again.len();
            let back = self.put_back(again);
            self.pending.send_modify(|pending| *pending = *pending + back - taken);
            if left == 0 {
                wait = FIRST_WAIT;
            } else {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }

    /// Before all others, unless a newer one has come meanwhile; how many are back.
    fn put_back(&self, again: Vec<Report>) -> usize {
        let mut waiting = self.waiting();
        let before = waiting.len();
        for report in again.into_iter().rev() {
            if !waiting.iter().any(|newer| newer.sandbox_id == report.sandbox_id) {
                waiting.push_front(report);
            }
        }
        waiting.len() - before
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Report>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call; the reports that have to be sent again.
async fn send(
    api: &Arc<ControlApi>,
    registry: &Arc<Registry>,
    reports: &[Report],
) -> Result<Vec<Report>, ControlApiError> {
    let body = Reports { reports: reports.to_vec() };
    let answer = api.reports(&body).await?;
    // Fewer verdicts than reports: those without one are sent again.
    let missing = std::iter::repeat(Verdict::Retry);
    let verdicts = answer.verdicts.into_iter().chain(missing);
    let mut again = Vec::new();
    for (report, verdict) in body.reports.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Applied => (),
            Verdict::AppliedWithWork { work } => _ = registry.deliver(*work),
            Verdict::Stale => _ = tokio::spawn(catch_up(Arc::clone(api), Arc::clone(registry), report)),
            Verdict::Retry => again.push(report),
        }
    }
    Ok(again)
}

/// The control plane knows better than the report: learn what, if the sandbox is ours still.
async fn catch_up(api: Arc<ControlApi>, registry: Arc<Registry>, report: Report) {
    let key = (report.epoch, report.generation);
    match api.work(report.sandbox_id).await {
        // The same wish with a counter below ours would only bring the same report again.
        Ok(Some(work)) if (work.epoch, work.generation) > key || work.seq >= report.seq => {
            registry.deliver(work);
        }
        Ok(_) => tracing::info!(sandbox = %report.sandbox_id, ?key, "stale report dropped"),
        Err(error) => tracing::warn!(sandbox = %report.sandbox_id, %error, "stale report; newer work not fetched"),
    }
}
