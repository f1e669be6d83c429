//! What one write may make of a head.

use std::time::Duration;

use paddock_model::{lifecycle::State, quota::Charge, sandbox::Sandbox};
use serde_json::Value;

use super::{actor, head_of};
use crate::{aws::table::Change, clock, trace};

/// The longest that anything may take (control-plane-sandbox §4), and a look more.
const LONGEST: Duration = Duration::from_secs(3700);

pub fn check(changes: &[Change]) {
    for change in changes {
        let old = change.old.as_ref().and_then(|item| Some((head_of(&change.key, item)?, item)));
        let new = change.new.as_ref().and_then(|item| Some((head_of(&change.key, item)?, item)));
        match (old, new) {
            (Some((old, _)), None) if old.state != State::Destroyed => {
                trace::broken(format!("{} was removed in state {}", old.id, old.state));
            }
            (Some((old, _)), Some((new, item))) => pair(&old, &new, item),
            (None, Some((new, item))) => {
                told(&new, item);
                is_due(&new);
            }
            _ => {}
        }
    }
}

fn pair(old: &Sandbox, new: &Sandbox, item: &Value) {
    told(new, item);
    let id = new.id;
    let rule = |holds: bool, rule: &str| {
        if !holds {
            let who = actor(item);
            trace::broken(format!("{id}: {rule}, by {who}: {} → {}", short(old), short(new)));
        }
    };
    rule(old.state != State::Destroyed, "what is destroyed changes no more");
    rule(new.epoch >= old.epoch, "epochs grow");
    rule(new.runner == old.runner || new.runner.is_none() || new.epoch > old.epoch, "another owner has another epoch");
    rule(new.generation >= old.generation, "generations grow");
    let said = |head: &Sandbox| (head.seen_generation, head.seen_seq);
    rule(new.epoch > old.epoch || said(new) >= said(old), "what was accepted grows");
    if let Some(runner) = actor(item).strip_prefix("runner:") {
        rule(old.runner.is_some_and(|owner| owner.to_string() == runner), "only the owner is heard");
        // One that found no room moves it on in the same write.
        rule(new.epoch > old.epoch || said(new) > said(old), "a report that is accepted is newer");
        rule(
            new.epoch == old.epoch || new.runner != old.runner || old.seen_seq == 0,
            "what runs is not moved by a report",
        );
    }
    rule(old.organization.is_none() || new.organization == old.organization, "an organization is set once");
    rule(
        !actor(item).starts_with("user:")
            || new.resources != old.resources
            || old.runner.is_none()
            || new.state.is_failed()
            || !is_less(new.charge, old.charge),
        "a request releases nothing",
    );
    is_due(new);
}

fn is_less(new: Charge, old: Charge) -> bool {
    new.cpu < old.cpu || new.memory_gib < old.memory_gib || new.disk_gib < old.disk_gib
}

/// Whatever waits is looked at again, and soon enough.
fn is_due(head: &Sandbox) {
    if head.is_at_rest() {
        return;
    }
    match head.due {
        None => trace::broken(format!("{}: nobody will look at it again: {}", head.id, short(head))),
        Some(due) if due > clock::now().after(LONGEST) => {
            trace::broken(format!("{}: nobody will look at it in time: {}", head.id, short(head)));
        }
        Some(_) => {}
    }
}

fn told(head: &Sandbox, item: &Value) {
    trace::note(format!("{} by {}: {}", head.id, actor(item), short(head)));
}

/// A head in a line.
pub fn short(head: &Sandbox) -> String {
    let runner = head.runner.map(|runner| runner.to_string()[..4].to_owned()).unwrap_or_default();
    format!(
        "{}/{} e{} g{} seen {}.{} on {runner} due {:?} files {:?}{}",
        head.state,
        head.desired.as_str(),
        head.epoch,
        head.generation,
        head.seen_generation,
        head.seen_seq,
        head.due.map(|due| (due.0 - clock::now().0) / 1000),
        head.files,
        head.failure.as_ref().map(|failure| format!(" ({})", failure.reason)).unwrap_or_default(),
    )
}
