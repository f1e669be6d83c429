//! Whose a region is: the organization that was first there. Its members operate the runners.

use paddock_model::id::{OpId, OrganizationId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store,
    item::{Item, read, write},
    keys,
};

#[derive(Serialize, Deserialize)]
struct RegionItem {
    op: Uuid,
    owner: Uuid,
}

impl Store {
    /// The owner of a region; none if nobody was there yet.
    pub async fn region_owner(&self, region: &str) -> Result<Option<OrganizationId>, Error> {
        let Some(item) = self.get(&keys::region(region)).await? else { return Ok(None) };
        let RegionItem { op: _, owner } = read(item)?;
        Ok(Some(OrganizationId(owner)))
    }

    /// Makes it the owner of a region that has none.
    pub async fn claim_region(&self, region: &str, owner: OrganizationId) -> Result<(), Error> {
        let op = OpId::random();
        let item = write(&keys::region(region), &RegionItem { op: op.0, owner: owner.0 })?;
        self.put_if(item, "attribute_not_exists(pk)", Item::new(), op).await?;
        Ok(())
    }
}
