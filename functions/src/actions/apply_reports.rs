//! Several reports of one runner: those of one sandbox in order, different sandboxes at the same time.

use std::collections::BTreeMap;

use futures::stream::{StreamExt as _, iter};
use paddock_model::id::RunnerId;
use paddock_wire::{agents::Verdict, work::Report};
use uuid::Uuid;

use super::apply_report;
use crate::app::App;

/// Sandboxes worked on at once.
const AT_ONCE: usize = 8;

/// One verdict for each report, in the order of the reports.
pub async fn run(app: &App, runner: RunnerId, reports: &[Report]) -> Vec<Verdict> {
    let mut by_sandbox: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (at, report) in reports.iter().enumerate() {
        by_sandbox.entry(report.sandbox_id).or_default().push(at);
    }
    let one = |places: Vec<usize>| async move {
        let mut verdicts = Vec::with_capacity(places.len());
        for at in places {
            verdicts.push((at, apply_report::run(app, runner, &reports[at]).await));
        }
        verdicts
    };
    let mut verdicts: Vec<(usize, Verdict)> =
        iter(by_sandbox.into_values().map(one)).buffer_unordered(AT_ONCE).concat().await;
    verdicts.sort_by_key(|(at, _)| *at);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}
