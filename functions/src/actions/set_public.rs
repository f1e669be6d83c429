//! Whether previews need a token.

use paddock_model::{access::Actor, sandbox::Detail};

use super::{
    Error, Requester,
    drive::{change_from, follow_up},
    find_sandbox::{is_visible, stored},
};
use crate::app::App;

/// Makes them public, or private.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str, public: bool) -> Result<Detail, Error> {
    let (head, mut spec) = stored(app, requester.organization, id_or_name).await?;
    spec.public = public;
    let actor = Actor::User(requester.user.clone());
    let changed = change_from(app, head, Some(&spec).into(), &actor, |sandbox| {
        if !is_visible(sandbox, requester.organization) {
            return Err(Error::SandboxNotFound(id_or_name.to_owned()));
        }
        let mut new = sandbox.clone();
        new.updated_at = app.now();
        Ok(Some(new))
    })
    .await?;
    follow_up(app, &changed, Some(&spec)).await;
    Ok(Detail { head: changed.new.sandbox, spec })
}
