//! A user's wish for a sandbox that exists: start, stop, delete.

use paddock_model::{
    access::Actor,
    lifecycle::Event,
    sandbox::{Detail, Spec},
};

use super::{
    Error, Requester,
    drive::{change_from, follow_up},
    find_sandbox::stored,
};
use crate::{
    app::App,
    store::sandboxes::{Beside, Stored},
};

/// Checks the wish against the lifecycle, writes it, and sends the work.
pub(super) async fn wish(
    app: &App,
    requester: &Requester,
    id_or_name: &str,
    event: Event,
    force: bool,
) -> Result<Detail, Error> {
    let read = stored(app, requester.organization, id_or_name).await?;
    wish_from(app, requester, id_or_name, read, event, force).await
}

/// The same, from a head and specification just read.
pub(super) async fn wish_from(
    app: &App,
    requester: &Requester,
    id_or_name: &str,
    (head, spec): (Stored, Spec),
    event: Event,
    force: bool,
) -> Result<Detail, Error> {
    let actor = Actor::User(requester.user.clone());
    let changed = change_from(app, head, Beside::default(), &actor, |sandbox| {
        sandbox.wish(event, force, app.now()).map_err(|refusal| Error::Refused {
            verb: verb(event),
            sandbox: id_or_name.to_owned(),
            state: sandbox.state,
            refusal,
        })
    })
    .await?;
    follow_up(app, &changed, Some(&spec)).await;
    Ok(Detail { head: changed.new.sandbox, spec })
}

fn verb(event: Event) -> &'static str {
    match event {
        Event::Start => "start",
        Event::Stop => "stop",
        Event::Delete => "delete",
        Event::Recover => "recover",
        Event::Pause => "pause",
        _ => "change",
    }
}
