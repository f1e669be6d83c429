//! When all is calm again: everything rests, and at the end nothing is left over.

use paddock_model::{lifecycle::State, sandbox::Sandbox};
use paddock_runner_agent::engine::labels::Role;

use super::{heads, heads::short};
use crate::{aws::Aws, machine::Machine};

/// Heads that do not rest yet.
pub fn restless(aws: &Aws) -> Vec<String> {
    let heads = heads(&aws.table.records());
    let restless = heads.iter().filter(|head| !head.is_at_rest() || !settled_well(head));
    restless.map(|head| format!("{}: {}", head.id, short(head))).collect()
}

/// As wished, or an error that says why.
fn settled_well(head: &Sandbox) -> bool {
    head.state.fulfils(head.desired) || (head.state.is_failed() && head.failure.is_some())
}

/// At most one container of a sandbox runs, and on its owner. What was lost is kept for a day, and serves nobody; what is
/// destroyed is not kept.
pub fn misplaced(aws: &Aws, machines: &[Machine]) -> Vec<String> {
    let heads = heads(&aws.table.records());
    let mut complaints = Vec::new();
    for machine in machines {
        let runner = machine.runner_id();
        for container in machine.engine.containers() {
            let Role::Sandbox(labels) = &container.labels.role else { continue };
            let head = heads.iter().find(|head| head.id.0 == labels.sandbox && head.state != State::Destroyed);
            let owner = head.filter(|head| head.runner.map(|id| id.0) == runner && head.epoch == labels.epoch);
            let complaint = match (head, owner) {
                (None, _) if !container.name.contains("-lost-") => "it is destroyed".to_owned(),
                (_, None) if container.running => "it runs, and is not owned there".to_owned(),
                (_, Some(head)) if !head.state.is_failed() && container.running != runs(head) => short(head),
                _ => continue,
            };
            complaints
                .push(format!("{} on {}, running={}: {complaint}", container.name, machine.name, container.running));
        }
    }
    complaints
}

fn runs(head: &Sandbox) -> bool {
    matches!(head.state, State::Started | State::Paused)
}

/// Every sandbox is deleted: what is left that should not be?
pub fn leftovers(aws: &Aws, machines: &[Machine]) -> Vec<String> {
    let records = aws.table.records();
    let items = records.iter().filter(|(_, record)| record.now.is_some()).map(|(key, _)| key);
    // Of pool sandboxes there may be some.
    let live = heads(&records);
    let pooled: Vec<String> = live.iter().filter(|it| it.organization.is_none()).map(|it| it.id.to_string()).collect();
    let of_pool = |text: &str| pooled.iter().any(|id| text.contains(id.as_str()));
    let mut left: Vec<String> = items
        .filter(|(pk, sk)| {
            (pk.starts_with("N#") && pk.contains("#sandbox#")) || pk.starts_with("M#") || sk.starts_with("Y#")
        })
        .map(|(pk, sk)| format!("item {pk} {sk}"))
        .collect();
    let alive = live.iter().filter(|head| head.state != State::Destroyed && head.organization.is_some());
    left.extend(alive.map(|head| format!("{}: {}", head.id, short(head))));
    left.extend(aws.bucket.keys().into_iter().map(|key| format!("object {key}")));
    for machine in machines {
        let sandboxes = machine.engine.containers().into_iter().filter(|it| it.labels.sandbox().is_some());
        let unwanted = sandboxes.filter(|it| !it.name.contains("-lost-") && !of_pool(&it.name));
        left.extend(unwanted.map(|it| format!("container {} on {}", it.name, machine.name)));
    }
    left
}
