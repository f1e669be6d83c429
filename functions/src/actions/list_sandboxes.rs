//! All sandboxes of an organization.

use paddock_model::{id::OrganizationId, lifecycle::State, sandbox::Detail};

use super::Error;
use crate::app::App;

/// All that are not destroyed, newest first; failed ones that were to be deleted among them.
pub async fn run(app: &App, organization: OrganizationId) -> Result<Vec<Detail>, Error> {
    Ok(living(app.store.sandboxes_of(organization).await?))
}

/// The same with empty environments, for lists that do not show them: opening each would cost more than the reading.
pub async fn without_env(app: &App, organization: OrganizationId) -> Result<Vec<Detail>, Error> {
    Ok(living(app.store.sandboxes_without_env(organization).await?))
}

fn living(mut found: Vec<Detail>) -> Vec<Detail> {
    found.retain(|it| it.head.state != State::Destroyed);
    found
}
