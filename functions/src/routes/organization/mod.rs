//! `/organizations`, as far as an API key may see.

pub mod get;
pub mod list;

use paddock_model::access;
use paddock_wire::api::organization::Organization;

use crate::actions;
use crate::app::App;
use crate::error::ApiError;

/// An organization with what it may hold in its default region.
async fn shown(app: &App, organization: access::Organization) -> Result<Organization, ApiError> {
    let quota = app.store.quota(organization.id, &organization.default_region).await.map_err(actions::Error::from)?;
    Ok(Organization::new(organization, quota.map(|it| it.limit).unwrap_or_default()))
}
