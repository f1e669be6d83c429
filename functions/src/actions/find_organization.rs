//! An organization.

use paddock_model::{access::Organization, id::OrganizationId};

use super::Error;
use crate::app::App;

/// The organization, perhaps as it was a moment ago.
pub async fn run(app: &App, id: OrganizationId) -> Result<Organization, Error> {
    if let Some(organization) = app.recent.organizations.get(&id, app.now()) {
        return Ok(organization);
    }
    let organization = app.store.organization(id).await?.ok_or(Error::OrganizationNotFound)?;
    app.recent.organizations.put(id, organization.clone(), app.now());
    Ok(organization)
}
