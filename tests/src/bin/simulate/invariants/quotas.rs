//! Conservation: at each write, what is used is the sum of what sandboxes hold, and within its limit.

use serde_json::Value;

use super::heads;
use crate::{aws::table::Records, cloud::QUOTA, trace};

pub fn check(records: &Records) {
    let shards = records.iter().filter(|(key, _)| key.0.starts_with("Q#")).filter_map(|(_, it)| it.now.as_ref());
    let number = |item: &Value, name: &str| item[name]["N"].as_str().and_then(|text| text.parse::<i64>().ok());
    let (mut limits, mut used) = ([0; 3], [0; 3]);
    for shard in shards {
        for (n, part) in ["cpu", "memory", "disk"].into_iter().enumerate() {
            let limit = number(shard, &format!("{part}_limit")).unwrap_or_default();
            let free = number(shard, &format!("{part}_free")).unwrap_or_default();
            if !(0..=limit).contains(&free) {
                trace::broken(format!("{part}: {free} free of {limit}"));
            }
            limits[n] += limit;
            used[n] += limit - free;
        }
    }
    let mut held = [0; 3];
    for head in heads(records).iter().filter(|head| head.organization.is_some()) {
        let charge = [head.charge.cpu, head.charge.memory_gib, head.charge.disk_gib];
        held.iter_mut().zip(charge).for_each(|(sum, more)| *sum += i64::from(more));
    }
    if limits != [0; 3] && limits != QUOTA.map(i64::from) {
        trace::broken(format!("limits {limits:?} are not the organization's {QUOTA:?}"));
    }
    if used != held {
        trace::broken(format!("used {used:?}, and sandboxes hold {held:?}"));
    }
}
