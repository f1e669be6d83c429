//! Organizations and their members.

use paddock_model::{
    access::{Member, Organization},
    id::{OpId, OrganizationId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store,
    item::{Item, read, write},
    keys,
};

#[derive(Serialize, Deserialize)]
struct OrganizationItem {
    op: Uuid,
    name: String,
    #[serde(default)]
    suspended: bool,
    default_region: String,
    created: i64,
}

#[derive(Serialize, Deserialize)]
struct MemberItem {
    op: Uuid,
    name: String,
    email: String,
    created: i64,
}

impl Store {
    /// An organization.
    pub async fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, Error> {
        let Some(item) = self.get(&keys::organization(id)).await? else { return Ok(None) };
        let OrganizationItem { op: _, name, suspended, default_region, created } = read(item)?;
        Ok(Some(Organization { id, name, suspended, default_region, created_at: Timestamp(created) }))
    }

    /// Writes an organization if there is none of that id.
    pub async fn create_organization(&self, organization: &Organization) -> Result<(), Error> {
        let Organization { id, name, suspended, default_region, created_at } = organization.clone();
        let op = OpId::random();
        let item = OrganizationItem { op: op.0, name, suspended, default_region, created: created_at.0 };
        let item = write(&keys::organization(id), &item)?;
        self.put_if(item, "attribute_not_exists(pk)", Item::new(), op).await?;
        Ok(())
    }

    /// Adds a member if he is none yet.
    pub async fn add_member(&self, organization: OrganizationId, member: &Member) -> Result<(), Error> {
        let Member { user, name, email, created_at } = member.clone();
        let op = OpId::random();
        let item =
            write(&keys::member(organization, &user), &MemberItem { op: op.0, name, email, created: created_at.0 })?;
        self.put_if(item, "attribute_not_exists(pk)", Item::new(), op).await?;
        Ok(())
    }
}
