//! Quota is escrow: a shard holds its limit and what is free of it, and every charge and release is an addition under
//! a condition, in the transaction of the head that causes it. At every commit limit − free = the sum of charges.
//!
//! One shard per (organization, region) now; the key has room for more.

use paddock_model::{
    id::{OpId, OrganizationId},
    quota::Charge,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store,
    item::{Item, Outcome, number, read, text, write},
    keys,
    transaction::Expression,
};
use crate::actions::Resource;

#[derive(Serialize, Deserialize, Clone)]
struct QuotaItem {
    op: Uuid,
    cpu_limit: i64,
    memory_limit: i64,
    disk_limit: i64,
    cpu_free: i64,
    memory_free: i64,
    disk_free: i64,
}

/// What an organization may use in a region, and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// In all.
    pub limit: Charge,
    /// Not used.
    pub free: Charge,
}

/// Which resource is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// Which.
    pub resource: Resource,
    /// The organization's limit.
    pub limit: u32,
}

/// Takes `new` and gives back `held`; none when they are equal. What is only given back needs no condition.
pub(super) fn exchange(held: Charge, new: Charge, op: OpId) -> Option<Expression> {
    if held == new {
        return None;
    }
    let deltas = [
        ("cpu_free >= :cpu", ":cpu", ":cpu_back", delta(held.cpu, new.cpu)),
        ("memory_free >= :memory", ":memory", ":memory_back", delta(held.memory_gib, new.memory_gib)),
        ("disk_free >= :disk", ":disk", ":disk_back", delta(held.disk_gib, new.disk_gib)),
    ];
    let mut how = Expression {
        update: Some("SET op = :op ADD cpu_free :cpu_back, memory_free :memory_back, disk_free :disk_back".into()),
        ..Default::default()
    };
    let mut conditions = vec!["attribute_exists(pk)"];
    how.values.insert(":op".to_owned(), text(op));
    for (condition, taken, back, delta) in deltas {
        how.values.insert(back.to_owned(), number(-delta));
        if delta > 0 {
            conditions.push(condition);
            how.values.insert(taken.to_owned(), number(delta));
        }
    }
    how.condition = Some(conditions.join(" AND "));
    Some(how)
}

fn delta(held: u32, new: u32) -> i64 {
    i64::from(new) - i64::from(held)
}

/// Which resource was short when a charge was refused. Without an item nothing at all is allowed.
pub(super) fn short(item: Option<Item>, wanted: Charge) -> Result<Short, Error> {
    let Some(item) = item else { return Ok(Short { resource: Resource::Cpu, limit: 0 }) };
    let item: QuotaItem = read(item)?;
    let limit = |limit: i64| u32::try_from(limit).unwrap_or(0);
    Ok(if item.cpu_free < i64::from(wanted.cpu) {
        Short { resource: Resource::Cpu, limit: limit(item.cpu_limit) }
    } else if item.memory_free < i64::from(wanted.memory_gib) {
        Short { resource: Resource::Memory, limit: limit(item.memory_limit) }
    } else {
        Short { resource: Resource::Disk, limit: limit(item.disk_limit) }
    })
}

impl Store {
    /// An organization's quota in a region.
    pub async fn quota(&self, organization: OrganizationId, region: &str) -> Result<Option<Quota>, Error> {
        let Some(item) = self.get(&keys::quota(organization, region, 0)).await? else { return Ok(None) };
        let QuotaItem { op: _, cpu_limit, memory_limit, disk_limit, cpu_free, memory_free, disk_free } = read(item)?;
        let charge = |cpu, memory, disk| {
            let size = |value: i64| u32::try_from(value).unwrap_or(0);
            Charge { cpu: size(cpu), memory_gib: size(memory), disk_gib: size(disk) }
        };
        Ok(Some(Quota {
            limit: charge(cpu_limit, memory_limit, disk_limit),
            free: charge(cpu_free, memory_free, disk_free),
        }))
    }

    /// Sets the limit, whatever it was; never below what is in use, so that use ≤ limit holds at every commit.
    pub async fn set_quota(&self, organization: OrganizationId, region: &str, limit: Charge) -> Result<(), Error> {
        let key = keys::quota(organization, region, 0);
        for _ in 0..super::attempt::TRIES {
            let old: Option<QuotaItem> = self.get(&key).await?.map(read).transpose()?;
            let op = OpId::random();
            let part = |limit: u32, old: Option<(i64, i64)>| {
                let used = old.map_or(0, |(limit, free)| limit - free);
                let limit = i64::from(limit).max(used);
                (limit, limit - used)
            };
            let (cpu_limit, cpu_free) = part(limit.cpu, old.as_ref().map(|it| (it.cpu_limit, it.cpu_free)));
            let (memory_limit, memory_free) =
                part(limit.memory_gib, old.as_ref().map(|it| (it.memory_limit, it.memory_free)));
            let (disk_limit, disk_free) = part(limit.disk_gib, old.as_ref().map(|it| (it.disk_limit, it.disk_free)));
            let item = QuotaItem { op: op.0, cpu_limit, memory_limit, disk_limit, cpu_free, memory_free, disk_free };
            let (condition, values) = match old {
                None => ("attribute_not_exists(pk)", Item::new()),
                Some(old) => ("op = :old", [(":old".to_owned(), text(old.op))].into()),
            };
            if let Outcome::Done = self.put_if(write(&key, &item)?, condition, values, op).await? {
                return Ok(());
            }
        }
        Err(Error::Contended)
    }
}
