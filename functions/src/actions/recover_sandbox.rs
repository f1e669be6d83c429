//! Recover: an error that can be recovered from, from the files on the runner or the last backup.

use paddock_model::{access::Actor, lifecycle::Event, sandbox::Detail};

use super::{
    Error, Requester,
    drive::{change_from, follow_up},
    find_organization,
    find_sandbox::stored,
    wait_started::wait_started,
};
use crate::{app::App, store::sandboxes::Beside};

/// Wishes it well again, and started unless `skip_start`.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str, skip_start: bool) -> Result<Detail, Error> {
    if find_organization::run(app, requester.organization).await?.suspended {
        return Err(Error::OrganizationSuspended);
    }
    let (head, spec) = stored(app, requester.organization, id_or_name).await?;
    let actor = Actor::User(requester.user.clone());
    let changed = change_from(app, head, Beside::default(), &actor, |sandbox| {
        let wished = sandbox.wish(Event::Recover, false, app.now()).map_err(|refusal| Error::Refused {
            verb: "recover",
            sandbox: id_or_name.to_owned(),
            state: sandbox.state,
            refusal,
        })?;
        Ok(wished.map(|wished| if skip_start { wished.to_rest() } else { wished }))
    })
    .await?;
    follow_up(app, &changed, Some(&spec)).await;
    wait_started(app, Detail { head: changed.new.sandbox, spec }).await
}
