//! Reading sandboxes. Decisions are made on strongly consistent reads of base items; indexes only say where to look.

use std::collections::HashMap;

use paddock_model::{
    id::{OrganizationId, RunnerId, SandboxId},
    sandbox::{Detail, Spec},
    time::Timestamp,
};

use super::{Stored, head_item::head, spec_item::spec};
use crate::store::{
    Error, Store,
    attempt::patiently,
    item::{Item, corrupt, key_of, text},
    keys::{self, DUE, LIST, OWNED},
};

/// Something due, found in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// What.
    pub id: SandboxId,
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
        let items = patiently(|| request.clone().send()).await?.items.unwrap_or_default();
        Ok(self.pair(items)?.pop())
    }

    /// Many heads; what is not there is left out.
    pub async fn heads(&self, ids: &[SandboxId]) -> Result<Vec<Stored>, Error> {
        let keys: Vec<_> = ids.iter().map(|id| keys::head(*id)).collect();
        self.get_all(&keys).await?.into_iter().map(head).collect()
    }

    /// Many heads with their specifications; what is not there or destroyed is left out.
    pub async fn details(&self, ids: &[SandboxId]) -> Result<Vec<(Stored, Spec)>, Error> {
        let keys: Vec<_> = ids.iter().flat_map(|id| [keys::head(*id), keys::spec(*id)]).collect();
        self.pair(self.get_all(&keys).await?)
    }

    fn pair(&self, items: Vec<Item>) -> Result<Vec<(Stored, Spec)>, Error> {
        let (mut heads, mut specs) = (Vec::new(), HashMap::new());
        for item in items {
            if key_of(&item).sk == "H" {
                heads.push(head(item)?);
            } else {
                let (id, spec) = spec(&self.sealer, item)?;
                specs.insert(id, spec);
            }
        }
        let pairs = heads.into_iter().filter_map(|head| specs.remove(&head.sandbox.id).map(|spec| (head, spec)));
        Ok(pairs.collect())
    }

    /// An organization's sandboxes, newest first.
    pub async fn sandboxes_of(&self, organization: OrganizationId) -> Result<Vec<Detail>, Error> {
        let ids = self.ids(self.index(LIST, &keys::sandboxes_of(organization), None, None).await?)?;
        let mut found: Vec<Detail> =
            self.details(&ids).await?.into_iter().map(|(head, spec)| Detail { head: head.sandbox, spec }).collect();
        // The index may be older than the items.
        found.retain(|detail| detail.head.organization == Some(organization));
        found.sort_by_key(|detail| std::cmp::Reverse((detail.head.created_at, detail.head.id)));
        Ok(found)
    }

    /// At most `limit` unclaimed sandboxes of a pool, as they are now.
    pub async fn unclaimed_of(&self, pool: &str, limit: usize) -> Result<Vec<Stored>, Error> {
        let ids = self.ids(self.index(LIST, &keys::unclaimed_of(pool), None, Some(limit)).await?)?;
        let mut found = self.heads(&ids).await?;
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
            let (at, id) = keys::due_parts(item.get(DUE.sk)?.as_s().ok()?)?;
            Some(Due { at, id })
        };
        Ok(items.iter().filter_map(parts).collect())
    }

    fn ids(&self, items: Vec<Item>) -> Result<Vec<SandboxId>, Error> {
        let id = |item: &Item| {
            let key = key_of(item);
            keys::sandbox_of(&key.pk).ok_or_else(|| corrupt(key.to_string(), "an index names it as a sandbox"))
        };
        items.iter().map(id).collect()
    }
}
