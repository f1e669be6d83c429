//! Reports on their way to the control plane: kept until there is a verdict on each.

use std::{sync::Arc, time::Duration};

use paddock_wire::{
    agents::{Reports, Verdict},
    work::Report,
};
use tokio::sync::{mpsc, watch};

use super::registry::Registry;
use crate::control_api::{ControlApi, ControlApiError};

/// As many as one call may carry.
const BATCH: usize = 25;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Where owners put their reports.
#[derive(Clone)]
pub struct Outbox {
    sender: mpsc::UnboundedSender<Report>,
    pending: Arc<watch::Sender<usize>>,
}

/// The other end: what [`Outbox::new`] gives to the one who sends.
pub struct Sending {
    reports: mpsc::UnboundedReceiver<Report>,
    pending: Arc<watch::Sender<usize>>,
}

impl Outbox {
    /// An outbox and its sender.
    #[must_use]
    pub fn new() -> (Self, Sending) {
        let (sender, reports) = mpsc::unbounded_channel();
        let pending = Arc::new(watch::channel(0).0);
        (Self { sender, pending: Arc::clone(&pending) }, Sending { reports, pending })
    }

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
        self.pending.send_modify(|pending| *pending += 1);
        let _agent_is_ending = self.sender.send(report);
    }

    /// Waits until there is a verdict on all.
    pub async fn flushed(&self) {
        let mut pending = self.pending.subscribe();
        let _sender_lives_in_self = pending.wait_for(|pending| *pending == 0).await;
    }
}

impl Sending {
    /// Sends for ever.
    pub async fn run(mut self, api: Arc<ControlApi>, registry: Arc<Registry>) {
        let mut batch: Vec<Report> = Vec::new();
        let mut wait = FIRST_WAIT;
        loop {
            if batch.is_empty() && self.reports.recv_many(&mut batch, BATCH).await == 0 {
                return;
            }
            while batch.len() < BATCH {
                let Ok(report) = self.reports.try_recv() else { break };
                batch.push(report);
            }
            let before = batch.len();
            batch = match send(&api, &registry, batch.clone()).await {
                Ok(again) => again,
                Err(error) => {
                    tracing::warn!(%error, reports = before, "reports not delivered");
                    batch
                }
            };
            self.pending.send_modify(|pending| *pending -= before - batch.len());
            if batch.len() < before || batch.is_empty() {
                wait = FIRST_WAIT;
            }
            if !batch.is_empty() {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

/// One call; the reports that have to be sent again.
async fn send(
    api: &Arc<ControlApi>,
    registry: &Arc<Registry>,
    reports: Vec<Report>,
) -> Result<Vec<Report>, ControlApiError> {
    let body = Reports { reports };
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
