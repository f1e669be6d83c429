//! May this organization operate the runners? They belong to the deployment, and so to the organization that was first
//! there. Others never learn which runners there are.

use paddock_model::id::OrganizationId;

use super::Error;
use crate::app::App;

/// Only the owner of this deployment's region.
pub async fn run(app: &App, organization: OrganizationId) -> Result<(), Error> {
    let owner = app.store.region_owner(&app.config.region).await?;
    if owner == Some(organization) { Ok(()) } else { Err(Error::NotOperator) }
}
