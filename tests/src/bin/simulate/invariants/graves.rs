//! No resurrection's other side: nobody is buried alive.

use paddock_model::lifecycle::{Desired, State};

use super::{heads, heads::short};
use crate::{aws::Aws, machine::Machine, trace};

/// A runner that has buried an epoch never runs it again, and its files there are gone: while a sandbox is owned there in
/// that epoch, only its own end may have been asked for.
pub fn check(aws: &Aws, machines: &[Machine]) {
    for head in heads(&aws.table.records()) {
        let lives = head.state != State::Destroyed && head.desired != Desired::Destroyed;
        let Some(owner) = head.runner.filter(|_| lives) else { continue };
        let owner = machines.iter().filter(|machine| machine.runner_id() == Some(owner.0));
        for machine in owner.filter(|machine| machine.tombstone(head.id.0) >= Some(head.epoch)) {
            trace::broken(format!("{} is buried alive on {}: {}", head.id, machine.name, short(&head)));
        }
    }
}
