//! The wishes that time makes: intervals and the end of life. A change takes effect at once.

use paddock_model::{
    access::Actor,
    sandbox::{Detail, Timers},
};

use super::{
    Error, Requester,
    drive::{change_from, follow_up},
    find_sandbox::{is_visible, stored},
};
use crate::{app::App, store::sandboxes::Beside};

/// Changes the timers as `set` does, if what comes out is possible.
pub async fn run(
    app: &App,
    requester: &Requester,
    id_or_name: &str,
    set: impl Fn(&mut Timers),
) -> Result<Detail, Error> {
    let (head, spec) = stored(app, requester.organization, id_or_name).await?;
    let actor = Actor::User(requester.user.clone());
    let changed = change_from(app, head, Beside::default(), &actor, |sandbox| {
        if !is_visible(sandbox, requester.organization) {
            return Err(Error::SandboxNotFound(id_or_name.to_owned()));
        }
        let mut new = sandbox.clone();
        set(&mut new.timers);
        check(&new.timers)?;
        new.updated_at = app.now();
        Ok(Some(new))
    })
    .await?;
    follow_up(app, &changed, Some(&spec)).await;
    Ok(Detail { head: changed.new.sandbox, spec })
}

/// Idleness can bring about one thing, and what is deleted by its stop is not kept by a pause.
pub(super) fn check(timers: &Timers) -> Result<(), Error> {
    if timers.auto_pause.is_none() {
        return Ok(());
    }
    if timers.auto_stop.is_some() {
        return Err(Error::Invalid(
            "auto-stop and auto-pause cannot both be on: set one of them to 0 first".to_owned(),
        ));
    }
    if timers.is_ephemeral() {
        return Err(Error::Invalid("an ephemeral sandbox cannot be paused by itself".to_owned()));
    }
    Ok(())
}
