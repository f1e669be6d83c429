//! One sandbox of an organization, by id or name.

use paddock_model::{
    id::{OrganizationId, SandboxId},
    lifecycle::{Desired, State},
    sandbox::{Detail, Sandbox, Spec},
};

use super::Error;
use crate::{app::App, store::sandboxes::Stored};

/// The sandbox, unless it is destroyed.
pub async fn run(app: &App, organization: OrganizationId, id_or_name: &str) -> Result<Detail, Error> {
    let missing = || Error::SandboxNotFound(id_or_name.to_owned());
    let (head, spec) = named(app, organization, id_or_name).await?;
    // One that found no room in time says so for a while, by its id.
    let shown = is_visible(&head.sandbox, organization)
        || (head.sandbox.queue_timed_out && head.sandbox.organization == Some(organization));
    if shown { Ok(Detail { head: head.sandbox, spec }) } else { Err(missing()) }
}

/// The same, as it is stored.
pub(super) async fn stored(app: &App, organization: OrganizationId, id_or_name: &str) -> Result<(Stored, Spec), Error> {
    let (head, spec) = named(app, organization, id_or_name).await?;
    // Another organization's is not there, and must not even be told apart.
    if is_visible(&head.sandbox, organization) {
        Ok((head, spec))
    } else {
        Err(Error::SandboxNotFound(id_or_name.to_owned()))
    }
}

/// Whatever is there under this id or name, of whatever organization.
async fn named(app: &App, organization: OrganizationId, id_or_name: &str) -> Result<(Stored, Spec), Error> {
    let missing = || Error::SandboxNotFound(id_or_name.to_owned());
    // Names of the shape of an id are refused, so that one look is enough.
    let id = match id_or_name.parse::<SandboxId>() {
        Ok(id) => id,
        Err(_) if id_or_name.is_empty() || id_or_name.len() > super::MAX_NAME_BYTES => return Err(missing()),
        Err(_) => app.store.sandbox_named(organization, id_or_name).await?.ok_or_else(missing)?,
    };
    app.store.detail(id).await?.ok_or_else(missing)
}

/// Destroyed ones, and failed ones that were to be deleted, are gone for their owner.
pub(super) fn is_visible(sandbox: &Sandbox, organization: OrganizationId) -> bool {
    let gone =
        sandbox.state == State::Destroyed || (sandbox.state.is_failed() && sandbox.desired == Desired::Destroyed);
    sandbox.organization == Some(organization) && !gone
}
