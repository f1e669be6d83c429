//! All sandboxes of an organization.

use paddock_model::{id::OrganizationId, sandbox::Detail};

use super::{Error, find_sandbox::is_visible};
use crate::app::App;

/// All that are not destroyed, newest first.
pub async fn run(app: &App, organization: OrganizationId) -> Result<Vec<Detail>, Error> {
    let mut found = app.store.sandboxes_of(organization).await?;
    found.retain(|detail| is_visible(&detail.head, organization));
    Ok(found)
}
