//! Conservation: what an organization has used is the sum of what its sandboxes are charged (invariant 3 of the design).
//! Computed here anew from states and sizes, not with the code under test.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::converge::{Look, PATIENCE, within};
use crate::table::{self, Item, live_heads, text};

/// CPUs, memory GiB, disk GiB.
type Amount = [i64; 3];

/// Waits until it is so: a scan is no snapshot, and what is under way may be seen half.
pub async fn settles() -> Result<()> {
    within(PATIENCE, "quota is conserved", || async { check_conserved(&table::scan().await?).map(Look::Done) }).await
}

/// Fails when an organization's use differs from its sandboxes' charges, or when a shard is over its limit.
pub fn check_conserved(items: &[Item]) -> Result<()> {
    let mut used: BTreeMap<String, Amount> = BTreeMap::new();
    for shard in items.iter().filter(|item| text(item, "sk") == "Q") {
        let organization = text(shard, "pk").split('#').nth(1).unwrap_or_default().to_owned();
        let (limit, free) = (amount(shard, "limit"), amount(shard, "free"));
        ensure!((0..3).all(|n| (0..=limit[n]).contains(&free[n])), "{}: free {free:?} of {limit:?}", text(shard, "pk"));
        add(used.entry(organization).or_default(), [0, 1, 2].map(|n| limit[n] - free[n]));
    }
    let mut charged: BTreeMap<String, Amount> =
        used.keys().map(|organization| (organization.clone(), [0; 3])).collect();
    for head in live_heads(items).into_values() {
        if let Some(sum) = charged.get_mut(text(head, "org")) {
            add(sum, charge(head));
        }
    }
    ensure!(used == charged, "used {used:?} is not what the sandboxes are charged {charged:?}");
    Ok(())
}

/// Everything while it may run, disk while only its files are kept, nothing once it has failed.
fn charge(head: &Item) -> Amount {
    let size = |n: usize| head.get("size").and_then(|size| size[n].as_i64()).unwrap_or_default();
    match text(head, "state") {
        "error" | "archived" | "build_failed" => [0; 3],
        "stopped" | "archiving" => [0, 0, size(2)],
        _ => [size(0), size(1), size(2)],
    }
}

fn add(sum: &mut Amount, more: Amount) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

fn amount(shard: &Item, what: &str) -> Amount {
    ["cpu", "memory", "disk"]
        .map(|part| shard.get(&format!("{part}_{what}")).and_then(Value::as_i64).unwrap_or_default())
}
