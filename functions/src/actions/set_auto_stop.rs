//! The auto-stop interval.

use std::time::Duration;

use paddock_model::{access::Actor, sandbox::Detail};

use super::{Error, Requester, drive::change_from, find_sandbox::stored};
use crate::app::App;

/// Sets after how much idleness the sandbox stops; none = never.
pub async fn run(
    app: &App,
    requester: &Requester,
    id_or_name: &str,
    interval: Option<Duration>,
) -> Result<Detail, Error> {
    let (head, spec) = stored(app, requester.organization, id_or_name).await?;
    let actor = Actor::User(requester.user.clone());
    let changed = change_from(app, head, None, &actor, |sandbox| {
        if !super::find_sandbox::is_visible(sandbox, requester.organization) {
            return Err(Error::SandboxNotFound(id_or_name.to_owned()));
        }
        let mut new = sandbox.clone();
        new.timers.auto_stop = interval;
        new.updated_at = app.now();
        Ok(Some(new))
    })
    .await?;
    super::drive::follow_up(app, &changed, Some(&spec)).await;
    Ok(Detail { head: changed.new.sandbox, spec })
}
