//! All sandboxes of an organization.

use paddock_model::{id::OrganizationId, lifecycle::State, sandbox::Detail};

use super::Error;
use crate::app::App;

/// All that are not destroyed, newest first; failed ones that were to be deleted among them.
pub async fn run(app: &App, organization: OrganizationId) -> Result<Vec<Detail>, Error> {
    let mut found = app.store.sandboxes_of(organization).await?;
    found.retain(|it| it.head.organization == Some(organization) && it.head.state != State::Destroyed);
    Ok(found)
}
