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
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::registry::Registry;
use crate::control_api::{ControlApi, ControlApiError};

/// As many as one call may carry.
const BATCH: usize = 25;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Where owners put their reports; clones share them. At most one per sandbox waits: a newer one says all.
#[derive(Clone, Default)]
pub struct Outbox {
    waiting: Arc<Mutex<Waiting>>,
    /// Those that wait and those in a call.
    pending: Arc<watch::Sender<usize>>,
    /// There is a new one.
    put: Arc<Notify>,
}

/// Reports that wait, each in its own time: one that cannot be written now holds up no other.
#[derive(Default)]
struct Waiting(VecDeque<Letter>);

struct Letter {
    report: Report,
    due: Instant,
    /// Until the next try, should the control plane put it off.
    wait: Duration,
}

impl Waiting {
    /// In place of an older one.
    fn put(&mut self, report: Report, now: Instant) {
        self.0.retain(|other| other.report.sandbox_id != report.sandbox_id);
        self.0.push_back(Letter { report, due: now, wait: FIRST_WAIT });
    }

    /// As many as fit into one call, of those that are due.
    fn take(&mut self, now: Instant) -> Vec<Letter> {
        let mut batch = Vec::new();
        for letter in std::mem::take(&mut self.0) {
            if letter.due <= now && batch.len() < BATCH {
                batch.push(letter);
            } else {
                self.0.push_back(letter);
            }
        }
        batch
    }

    /// The control plane could not write it now: later, unless a newer one has come meanwhile.
    fn put_off(&mut self, letter: Letter, now: Instant) {
        let Letter { report, wait, .. } = letter;
        self.put_back(Letter { report, due: now + wait, wait: (wait * 2).min(LONGEST_WAIT) });
    }

    /// As it was, unless a newer one has come meanwhile.
    fn put_back(&mut self, letter: Letter) {
        if !self.0.iter().any(|newer| newer.report.sandbox_id == letter.report.sandbox_id) {
            self.0.push_back(letter);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.0.iter().map(|letter| letter.due).min()
    }
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
        self.change(0, |waiting| waiting.put(report, Instant::now()));
        self.put.notify_one();
    }

    /// Waits until there is a verdict on all.
    pub async fn flushed(&self) {
        let mut pending = self.pending.subscribe();
        let _sender_lives_in_self = pending.wait_for(|pending| *pending == 0).await;
    }

    /// Sends for ever.
    pub async fn send_all(self, api: Arc<ControlApi>, registry: Arc<Registry>) {
        let mut wait = FIRST_WAIT;
        loop {
            let batch = self.next_batch().await;
            let taken = batch.len();
            match send(&api, &registry, &batch).await {
                Ok(heard) => {
                    wait = FIRST_WAIT;
                    let now = Instant::now();
                    let unheard = batch.into_iter().zip(heard).filter_map(|(letter, heard)| (!heard).then_some(letter));
                    self.change(taken, |waiting| unheard.for_each(|letter| waiting.put_off(letter, now)));
                }
                Err(error) => {
                    // It hears nobody, so all wait together.
                    tracing::warn!(%error, reports = taken, "reports not delivered");
                    self.change(taken, |waiting| batch.into_iter().for_each(|letter| waiting.put_back(letter)));
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Waits for one to be due.
    async fn next_batch(&self) -> Vec<Letter> {
        loop {
            let (batch, due) = {
                let mut waiting = self.waiting();
                (waiting.take(Instant::now()), waiting.due())
            };
            if !batch.is_empty() {
                return batch;
            }
            let ripe = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = ripe => {}
                () = self.put.notified() => {}
            }
        }
    }

    /// Changes what waits and counts it; `judged` of those in a call have come back.
    fn change(&self, judged: usize, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting();
        let before = waiting.0.len();
        change(&mut waiting);
        let now = waiting.0.len();
        self.pending.send_modify(|pending| *pending = *pending + now - before - judged);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call; for each report whether it was heard.
async fn send(api: &Arc<ControlApi>, registry: &Arc<Registry>, batch: &[Letter]) -> Result<Vec<bool>, ControlApiError> {
    let body = Reports { reports: batch.iter().map(|letter| letter.report.clone()).collect() };
    let answer = api.reports(&body).await?;
    // Fewer verdicts than reports: those without one are sent again.
    let missing = std::iter::repeat(Verdict::Retry);
    let verdicts = answer.verdicts.into_iter().chain(missing);
    let heard = body.reports.into_iter().zip(verdicts).map(|(report, verdict)| match verdict {
        Verdict::Applied => true,
        Verdict::AppliedWithWork { work } => {
            registry.deliver(*work);
            true
        }
        Verdict::Stale => {
            tokio::spawn(catch_up(Arc::clone(api), Arc::clone(registry), report));
            true
        }
        Verdict::Retry => false,
    });
    Ok(heard.collect())
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

#[cfg(test)]
mod tests {
    use paddock_wire::work::{Facts, Observed};
    use uuid::Uuid;

    use super::*;

    fn report(seq: u64) -> Report {
        Report {
            sandbox_id: Uuid::new_v4(),
            epoch: 1,
            generation: 1,
            seq,
            observed: Observed::Started,
            facts: Facts::default(),
        }
    }

    fn seqs(batch: &[Letter]) -> Vec<u64> {
        batch.iter().map(|letter| letter.report.seq).collect()
    }

    #[test]
    fn reports_that_are_put_off_hold_up_no_other() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        for _ in 0..BATCH {
            waiting.put(report(1), now);
        }
        for letter in waiting.take(now) {
            waiting.put_off(letter, now);
        }
        waiting.put(report(2), now);
        assert_eq!(seqs(&waiting.take(now)), [2]);
        assert_eq!(waiting.due(), Some(now + FIRST_WAIT));
        assert_eq!(waiting.take(now + FIRST_WAIT).len(), BATCH);
    }

    #[test]
    fn one_that_is_put_off_again_and_again_is_tried_less_and_less_often() {
        let (mut waiting, start) = (Waiting::default(), Instant::now());
        waiting.put(report(1), start);
        let mut now = start;
        for _ in 0..10 {
            let letter = waiting.take(now).pop().expect("it is due");
            waiting.put_off(letter, now);
            now = waiting.due().unwrap();
        }
        let letter = waiting.take(now).pop().unwrap();
        waiting.put_off(letter, now);
        assert_eq!(waiting.due(), Some(now + LONGEST_WAIT));
    }

    #[test]
    fn a_newer_report_takes_the_place_of_an_older_one() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        let old = report(1);
        waiting.put(old.clone(), now);
        let letter = waiting.take(now).pop().unwrap();
        waiting.put(Report { seq: 2, ..old }, now);
        waiting.put_off(letter, now);
        assert_eq!(seqs(&waiting.take(now + LONGEST_WAIT)), [2]);
    }
}
