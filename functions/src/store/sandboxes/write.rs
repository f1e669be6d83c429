//! The one write that makes or changes a head, with all that hangs on it, in one condition or one transaction.
//!
//! What hangs on a head follows from the head before and after, so that no caller can forget it:
//! the quota's share, the name, the place in a warm pool, the revocation of grants, the specification's end.

use paddock_model::{
    access::Actor,
    id::OpId,
    lifecycle::{Desired, State},
    sandbox::{Sandbox, Spec},
};
use paddock_wire::work::Captured;

use super::{
    Stored,
    head_item::{gone_at, head, head_item},
    spec_item::spec_item,
};
pub use crate::store::quotas::Short;
use crate::store::{
    Error, Store,
    item::{Item, Outcome, number, text},
    keys, names, pools, quotas, revocations,
    transaction::{Committed, Expression, Transaction},
};

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// It is so, by this very write.
    Done(Stored),
    /// Somebody else was first; the head as it is now, if there is one.
    Lost(Option<Stored>),
    /// The name is taken in the organization.
    NameTaken,
    /// The organization's quota does not allow it.
    Short(Short),
    /// The pool has no free place.
    PoolFull,
    /// A capture that it names is being deleted.
    Collected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Head,
    Spec,
    Name,
    Quota,
    Pool,
    Revocation,
    Capture,
    Snapshot,
    Child,
}

/// What is written beside a head.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// A new specification.
    pub spec: Option<&'a Spec>,
    /// What became of the capture under way, once it is over.
    pub captured: Option<&'a Captured>,
}

impl<'a> From<Option<&'a Spec>> for Beside<'a> {
    fn from(spec: Option<&'a Spec>) -> Self {
        Self { spec, captured: None }
    }
}

impl Store {
    /// Writes a new sandbox.
    pub async fn create(&self, new: &Sandbox, spec: &Spec, actor: &Actor) -> Result<Written, Error> {
        self.write(None, new, Some(spec).into(), actor).await
    }

    /// Writes `new` where `old` still stands, and what is new beside it.
    pub async fn change(
        &self,
        old: &Stored,
        new: &Sandbox,
        beside: Beside<'_>,
        actor: &Actor,
    ) -> Result<Written, Error> {
        self.write(Some(old), new, beside, actor).await
    }

    async fn write(
        &self,
        old: Option<&Stored>,
        new: &Sandbox,
        beside: Beside<'_>,
        actor: &Actor,
    ) -> Result<Written, Error> {
        let op = OpId::random();
        let spec_generation = match (beside.spec, old) {
            (None, Some(old)) => old.spec_generation,
            (Some(_), _) | (None, None) => new.generation,
        };
        let stored = Stored { sandbox: new.clone(), op, spec_generation };
        let item = head_item(&stored, actor)?;
        let (condition, values) = unchanged(old);
        let mut hanging = Transaction::new(self, op);
        self.hang(&mut hanging, op, old.map(|it| &it.sandbox), new, beside)?;
        let done = Written::Done(stored);
        if hanging.is_empty() {
            return match self.put_if(item, condition, values, op).await? {
                Outcome::Done => Ok(done),
                Outcome::Refused(item) => Ok(Written::Lost(item.map(head).transpose()?)),
            };
        }
        hanging.put(
            Part::Head,
            item,
            Expression { condition: Some(condition.into()), values, ..Default::default() },
        )?;
        match hanging.commit().await? {
            Committed::Done => Ok(done),
            Committed::Refused(parts) => refused(parts, new),
        }
    }

    fn hang(
        &self,
        transaction: &mut Transaction<'_, Part>,
        op: OpId,
        old: Option<&Sandbox>,
        new: &Sandbox,
        beside: Beside<'_>,
    ) -> Result<(), Error> {
        self.hang_files(transaction, op, old, new, beside.captured)?;
        if let Some(spec) = beside.spec {
            let item = spec_item(&self.sealer, new.id, new.generation, spec, op)?;
            transaction.put(Part::Spec, item, Expression::default())?;
        } else if new.queue_timed_out {
            // Its owner can read for a while what became of it.
            let how = Expression {
                update: Some("SET #ttl = :ttl".into()),
                names: vec![("#ttl", "ttl")],
                values: [(":ttl".to_owned(), number(gone_at(new).0 / 1000))].into(),
                ..Default::default()
            };
            transaction.update(Part::Spec, &keys::spec(new.id), how)?;
        } else if new.state == State::Destroyed {
            transaction.delete(Part::Spec, &keys::spec(new.id), Expression::default())?;
        }
        if let Some(organization) = new.organization {
            if takes_name(old, new) {
                let (item, when) = names::take(organization, &new.name, new.id, op)?;
                transaction.put(Part::Name, item, when)?;
            } else if frees_name(old, new) {
                let key = keys::sandbox_name(organization, &new.name);
                transaction.delete(Part::Name, &key, names::free(new.id))?;
            }
            let held = old.map(|old| old.charge).unwrap_or_default();
            if let Some(how) = quotas::exchange(held, new.charge, op) {
                transaction.update(Part::Quota, &keys::quota(organization, &new.region, 0), how)?;
            }
            if revokes(old, new) {
                let (item, when) = revocations::of_sandbox(new.id, new.updated_at)?;
                transaction.put(Part::Revocation, item, when)?;
            }
        }
        match (old.and_then(|old| old.pool.as_deref()), new.pool.as_deref()) {
            (None, Some(pool)) => transaction.update(Part::Pool, &keys::pool(pool), pools::enter())?,
            (Some(pool), None) => transaction.update(Part::Pool, &keys::pool(pool), pools::leave())?,
            _ => {}
        }
        Ok(())
    }
}

fn unchanged(old: Option<&Stored>) -> (&'static str, Item) {
    match old {
        None => ("attribute_not_exists(pk)", Item::new()),
        Some(old) => ("op = :old", [(":old".to_owned(), text(old.op))].into()),
    }
}

/// A sandbox that is called by its id needs no entry: names of that shape are refused.
fn is_named(sandbox: &Sandbox) -> bool {
    sandbox.organization.is_some() && sandbox.desired != Desired::Destroyed && sandbox.name != sandbox.id.to_string()
}

fn takes_name(old: Option<&Sandbox>, new: &Sandbox) -> bool {
    is_named(new) && !old.is_some_and(is_named)
}

fn frees_name(old: Option<&Sandbox>, new: &Sandbox) -> bool {
    old.is_some_and(is_named) && !is_named(new)
}

/// Deleted, or taken from its owner: every edge must ask again. What is placed without having had an owner, as a restored
/// archive is, has nothing to be cut, and a revocation would only cut who was let in for the new placement.
fn revokes(old: Option<&Sandbox>, new: &Sandbox) -> bool {
    let Some(old) = old else { return false };
    let deleted = new.desired == Desired::Destroyed && old.desired != Desired::Destroyed;
    let moved = old.organization.is_some() && old.runner.is_some() && old.epoch != new.epoch;
    deleted || moved
}

fn refused(parts: Vec<(Part, Option<Item>)>, new: &Sandbox) -> Result<Written, Error> {
    // The head first: when it has changed, nothing else that was found matters.
    for (part, item) in &parts {
        if *part == Part::Head {
            return Ok(Written::Lost(item.clone().map(head).transpose()?));
        }
    }
    for (part, item) in parts {
        match part {
            Part::Name => return Ok(Written::NameTaken),
            Part::Quota => return Ok(Written::Short(quotas::short(item, new.charge)?)),
            Part::Pool => return Ok(Written::PoolFull),
            Part::Capture => return Ok(Written::Collected),
            Part::Head | Part::Spec | Part::Revocation | Part::Snapshot | Part::Child => {}
        }
    }
    Ok(Written::Lost(None))
}
