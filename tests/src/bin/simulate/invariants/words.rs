//! Each live sandbox that is not on a dead runner has a full copy of what was acknowledged.

use std::collections::BTreeMap;

use paddock_model::{
    lifecycle::{Desired, State},
    sandbox::Sandbox,
};
use paddock_runner_agent::engine::{Engine as _, labels::container_name};
use uuid::Uuid;

use super::{
    captures::{Known, known},
    heads,
};
use crate::{aws::Aws, files, machine::Machine, trace};

/// Words that were acknowledged, by sandbox.
pub type Acknowledged = BTreeMap<Uuid, Vec<String>>;

pub async fn check(acknowledged: &Acknowledged, aws: &Aws, machines: &[Machine]) {
    let heads = heads(&aws.table.records());
    for head in &heads {
        let Some(expected) = acknowledged.get(&head.id.0).filter(|words| !words.is_empty()) else { continue };
        if head.state == State::Destroyed || head.desired == Desired::Destroyed {
            continue;
        }
        let found = match held(head, machines).await {
            Some(words) => words,
            None => match captured(head, aws) {
                Some(words) => words,
                // A fork whose source is still being captured, or could not be.
                None if head.files.base.is_some() && head.files.kept.is_none() => continue,
                None => Vec::new(),
            },
        };
        if let Some(lost) = expected.iter().find(|word| !found.contains(word)) {
            trace::broken(format!("{}: {lost} was acknowledged and is lost; {}", head.id, super::heads::short(head)));
        }
    }
}

/// In the container of its owner and epoch.
async fn held(head: &Sandbox, machines: &[Machine]) -> Option<Vec<String>> {
    let owner = head.runner?;
    let machine = machines.iter().find(|machine| machine.runner_id() == Some(owner.0))?;
    let container = machine.engine.inspect(&container_name(head.id.0)).await.ok()??;
    if container.labels.sandbox()?.epoch != head.epoch {
        return None;
    }
    let dir = machine.engine.upper_dir(&container.id).await.ok()??;
    Some(files::words_in(&dir))
}

/// In what is kept of it, or what it begins with.
pub fn captured(head: &Sandbox, aws: &Aws) -> Option<Vec<String>> {
    let source = head.files.source()?;
    match known(&aws.table.records(), &aws.bucket, source) {
        Known::Complete(Some(object)) => Some(files::words(&object)),
        _ => None,
    }
}
