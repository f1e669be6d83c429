//! Reading sandboxes. Decisions are made on strongly consistent reads of base items; indexes only say where to look.
//!
//! Head and specification are two items, and a read of both may meet a write of both half way: DynamoDB isolates only
//! transactions from each other. So the head names the wish with which its specification was written, and a pair that
//! does not fit is read again. An item that does not read is an error where it alone is asked for; among many it is
//! logged and left out, so that one cannot stop the sweep, a list or an inventory.

use std::collections::HashMap;

use paddock_model::{
    id::{CaptureId, OrganizationId, RunnerId, SandboxId},
    sandbox::{Detail, Spec},
    time::Timestamp,
};

use super::{
    Stored,
    head_item::head,
    spec_item::{Env, Read, spec},
};
use crate::store::{
    Error, Store,
    attempt::{TRIES, patiently, pause},
    item::{Item, key_of, text},
    keys::{self, DUE, LIST, OWNED},
};

/// Something due, found in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: DueItem,
}

/// What can be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueItem {
    /// A sandbox.
    Sandbox(SandboxId),
    /// A capture, perhaps to be collected.
    Capture(CaptureId),
}

/// Heads read together.
#[derive(Debug, Default)]
pub struct Heads {
    /// Those that are there.
    pub found: Vec<Stored>,
    /// Those that are there and do not read: nothing is known of them, not even that they are gone.
    pub unreadable: Vec<SandboxId>,
}

impl Store {
    /// A head.
    pub async fn head(&self, id: SandboxId) -> Result<Option<Stored>, Error> {
        self.get(&keys::head(id)).await?.map(head).transpose()
    }

    /// A head with its specification. A destroyed sandbox has none, and is answered as not there.
    pub async fn detail(&self, id: SandboxId) -> Result<Option<(Stored, Spec)>, Error> {
        // One query is one round trip and one read unit; `H` and `P` sort before the history.
        let request = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk <= :spec")
            .expression_attribute_values(":pk", text(keys::head(id).pk))
            .expression_attribute_values(":spec", text(keys::spec(id).sk));
        let mut tried = 1;
        loop {
            let (mut heads, mut specs) = (None, None);
            for item in patiently(|| request.clone().send()).await?.items.unwrap_or_default() {
                if is_head(&item) {
                    heads = Some(head(item)?);
                } else {
                    specs = Some(spec(&self.sealer, item, Env::Open)?);
                }
            }
            let (Some(head), Some(spec)) = (heads, specs) else { return Ok(None) };
            if fit(&head, &spec) {
                return Ok(Some((head, spec.spec)));
            }
            if tried >= TRIES {
                return Err(Error::Contended);
            }
            pause(tried).await;
            tried += 1;
        }
    }

    /// Many heads; what is not there is left out.
    pub async fn heads(&self, ids: &[SandboxId]) -> Result<Heads, Error> {
        let keys: Vec<_> = ids.iter().map(|id| keys::head(*id)).collect();
        let mut heads = Heads::default();
        for item in self.get_all(&keys).await? {
            let id = keys::sandbox_of(&key_of(&item).pk);
            match legible(head(item))? {
                Some(head) => heads.found.push(head),
                None => heads.unreadable.extend(id),
            }
        }
        Ok(heads)
    }

    /// Many heads with their specifications; what is not there, destroyed or unreadable is left out.
    pub async fn details(&self, ids: &[SandboxId]) -> Result<Vec<(Stored, Spec)>, Error> {
        self.pairs(ids, Env::Open).await
    }

    async fn pairs(&self, ids: &[SandboxId], env: Env) -> Result<Vec<(Stored, Spec)>, Error> {
        let keys: Vec<_> = ids.iter().flat_map(|id| [keys::head(*id), keys::spec(*id)]).collect();
        let (mut heads, mut specs) = (Vec::new(), HashMap::new());
        for item in self.get_all(&keys).await? {
            if is_head(&item) {
                heads.extend(legible(head(item))?);
            } else {
                specs.extend(legible(spec(&self.sealer, item, env))?.map(|spec| (spec.id, spec)));
            }
        }
        let mut pairs = Vec::with_capacity(heads.len());
        for head in heads {
            match specs.remove(&head.sandbox.id) {
                Some(spec) if fit(&head, &spec) => pairs.push((head, spec.spec)),
                Some(_) => pairs.extend(legible(self.detail(head.sandbox.id).await)?.flatten()),
                None => {}
            }
        }
        Ok(pairs)
    }

    /// An organization's sandboxes, newest first.
    pub async fn sandboxes_of(&self, organization: OrganizationId) -> Result<Vec<Detail>, Error> {
        self.listed(organization, Env::Open).await
    }

    /// The same without their environments, which stay sealed: for lists that do not show them.
    pub async fn sandboxes_without_env(&self, organization: OrganizationId) -> Result<Vec<Detail>, Error> {
        self.listed(organization, Env::Leave).await
    }

    async fn listed(&self, organization: OrganizationId, env: Env) -> Result<Vec<Detail>, Error> {
        let ids = ids(&self.index(LIST, &keys::sandboxes_of(organization), None, None).await?);
        let pairs = self.pairs(&ids, env).await?;
        let mut found: Vec<Detail> =
            pairs.into_iter().map(|(head, spec)| Detail { head: head.sandbox, spec }).collect();
        // The index may be older than the items.
        found.retain(|detail| detail.head.organization == Some(organization));
        found.sort_by_key(|detail| std::cmp::Reverse((detail.head.created_at, detail.head.id)));
        Ok(found)
    }

    /// At most `limit` unclaimed sandboxes of a pool, by the index: where to look, no more.
    pub async fn unclaimed_ids(&self, pool: &str, limit: usize) -> Result<Vec<SandboxId>, Error> {
        Ok(ids(&self.index(LIST, &keys::unclaimed_of(pool), None, Some(limit)).await?))
    }

    /// At most `limit` unclaimed sandboxes of a pool, as they are now.
    pub async fn unclaimed_of(&self, pool: &str, limit: usize) -> Result<Vec<Stored>, Error> {
        let ids = self.unclaimed_ids(pool, limit).await?;
        let mut found = self.heads(&ids).await?.found;
        found.retain(|it| it.sandbox.organization.is_none() && it.sandbox.pool.as_deref() == Some(pool));
        Ok(found)
    }

    /// What a runner owns by the index: enough for a digest, not for a decision.
    pub async fn owned_by(&self, runner: RunnerId) -> Result<Vec<(SandboxId, u64)>, Error> {
        let items = self.index(OWNED, &keys::owned_by(runner), None, None).await?;
        let parts = |item: &Item| keys::owned_parts(item.get(OWNED.sk)?.as_s().ok()?);
        Ok(items.iter().filter_map(parts).collect())
    }

    /// What is due until then in one shard, earliest first.
    pub async fn due(&self, shard: u32, until: Timestamp) -> Result<Vec<Due>, Error> {
        let items = self.index(DUE, &keys::due_shard(shard), Some(&keys::due_until(until)), None).await?;
        let parts = |item: &Item| {
            let at = keys::due_time(item.get(DUE.sk)?.as_s().ok()?)?;
            let pk = key_of(item).pk;
            let sandbox = keys::sandbox_of(&pk).map(DueItem::Sandbox);
            Some(Due { at, what: sandbox.or_else(|| keys::capture_of(&pk).map(DueItem::Capture))? })
        };
        Ok(items.iter().filter_map(parts).collect())
    }
}

fn is_head(item: &Item) -> bool {
    key_of(item).sk == "H"
}

/// They were written together. A head of an earlier version does not say.
fn fit(head: &Stored, spec: &Read) -> bool {
    head.spec_generation == 0 || head.spec_generation == spec.generation
}

/// One of many: what does not read is told and left out.
fn legible<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(it) => Ok(Some(it)),
        Err(error @ Error::Corrupt { .. }) => {
            tracing::error!(%error, "left out");
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn ids(items: &[Item]) -> Vec<SandboxId> {
    let id = |item: &Item| {
        let key = key_of(item);
        let id = keys::sandbox_of(&key.pk);
        if id.is_none() {
            tracing::error!(%key, "an index names it as a sandbox; left out");
        }
        id
    };
    items.iter().filter_map(id).collect()
}
