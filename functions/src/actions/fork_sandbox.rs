//! Fork: another sandbox begins with the files that this one has now.
//!
//! The new one is written first, with its name and its charge, and waits for a capture that does not exist yet. Then the
//! capture is wished of the source. Where that fails, the new one is forgotten; where it was lost in between, the sweep
//! finds that nobody captures what it waits for.

use paddock_model::{
    access::Actor,
    id::{CaptureId, SandboxId},
    lifecycle::Event,
    sandbox::{Detail, Files, Purpose, Sandbox, Timers},
};

use super::{
    Error, Requester, capture_sandbox, create_sandbox,
    drive::{change, follow_up},
    find_organization,
    find_sandbox::stored,
};
use crate::app::App;

/// Makes the fork, which starts as soon as the files are captured.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str, name: Option<String>) -> Result<Detail, Error> {
    if find_organization::run(app, requester.organization).await?.suspended {
        return Err(Error::OrganizationSuspended);
    }
    let (source, spec) = stored(app, requester.organization, id_or_name).await?;
    capture_sandbox::possible(&source.sandbox, id_or_name, Purpose::Fork)?;
    let actor = Actor::User(requester.user.clone());
    let child = create_sandbox::write(app, child_of(app, &source.sandbox, name), &spec, &actor).await?;
    match capture_sandbox::wish(app, source, &actor, id_or_name, Purpose::Fork).await {
        Ok(changed) => {
            follow_up(app, &changed, Some(&spec)).await;
            Ok(Detail { head: child, spec })
        }
        Err(error) => {
            let forgotten =
                change(app, child.id, &actor, |child| Ok(child.wish(Event::Delete, false, app.now()).unwrap_or(None)));
            forgotten.await?;
            Err(error)
        }
    }
}

/// The same in all but identity, past and end.
fn child_of(app: &App, source: &Sandbox, name: Option<String>) -> Sandbox {
    let base = CaptureId::of(source.id, source.generation + 1);
    let files = Files { base: Some(base), parent: Some(source.id), ..Files::default() };
    let timers = Timers { destroy_at: None, ..source.timers.clone() };
    let mut child = create_sandbox::begun_with(files, app.now(), source.region.clone(), source.resources, timers);
    child.organization = source.organization;
    child.name = name.unwrap_or(child.name);
    child.charge_new();
    child
}

/// What a fork waits for is there, or never will be.
pub(super) async fn go_on(app: &App, child: SandboxId) -> Result<(), Error> {
    let changed = change(app, child, &Actor::Sweep, |child| Ok(Some(child.clone()))).await?;
    follow_up(app, &changed, None).await;
    Ok(())
}
