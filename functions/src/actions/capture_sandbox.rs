//! A user wishes the files of a sandbox captured: to archive it, to back it up, or to make a snapshot of it.

use paddock_model::{
    access::Actor,
    id::CaptureId,
    lifecycle::{Event, Refusal, next},
    sandbox::{Detail, Purpose, Sandbox},
    snapshot::{Snapshot, SnapshotState},
};

use super::{
    Error, Requester,
    drive::{Changed, change_from, follow_up},
    find_sandbox::stored,
};
use crate::{
    app::App,
    store::sandboxes::{Beside, Stored},
};

/// Archive: files to S3, runner free. Only a stopped sandbox that outlives its stop.
pub async fn archive(app: &App, requester: &Requester, id_or_name: &str) -> Result<Detail, Error> {
    for_itself(app, requester, id_or_name, Purpose::Archive).await
}

/// Backup: the files to S3, beside the container.
pub async fn back_up(app: &App, requester: &Requester, id_or_name: &str) -> Result<Detail, Error> {
    for_itself(app, requester, id_or_name, Purpose::Backup).await
}

async fn for_itself(app: &App, requester: &Requester, id_or_name: &str, purpose: Purpose) -> Result<Detail, Error> {
    let (head, spec) = stored(app, requester.organization, id_or_name).await?;
    if head.sandbox.timers.is_ephemeral() {
        return Err(Error::Invalid(format!("sandbox {id_or_name} is ephemeral: its files are not kept")));
    }
    if purpose == Purpose::Backup && head.sandbox.files.capture.is_some_and(|it| it.purpose == Purpose::Backup) {
        return Err(Error::Invalid(format!("a backup of sandbox {id_or_name} is under way")));
    }
    let actor = Actor::User(requester.user.clone());
    let changed = wish(app, head, &actor, id_or_name, purpose).await?;
    follow_up(app, &changed, Some(&spec)).await;
    Ok(Detail { head: changed.new.sandbox, spec })
}

/// A snapshot of its files, from which sandboxes can be made once they are captured.
pub async fn snapshot(app: &App, requester: &Requester, id_or_name: &str, name: String) -> Result<Detail, Error> {
    let (head, spec) = stored(app, requester.organization, id_or_name).await?;
    possible(&head.sandbox, id_or_name, Purpose::Snapshot)?;
    let now = app.now();
    let snapshot = Snapshot {
        id: paddock_model::id::SnapshotId(CaptureId::of(head.sandbox.id, head.sandbox.generation + 1).0),
        organization: Some(requester.organization),
        name: name.clone(),
        image: spec.image.clone(),
        resources: head.sandbox.resources,
        state: SnapshotState::Snapshotting,
        source: Some(head.sandbox.id),
        created_at: now,
        updated_at: now,
    };
    if !app.store.put_snapshot(&snapshot).await? {
        return Err(Error::NameTaken { what: "snapshot", name });
    }
    let actor = Actor::User(requester.user.clone());
    match wish(app, head, &actor, id_or_name, Purpose::Snapshot).await {
        Ok(changed) => {
            follow_up(app, &changed, Some(&spec)).await;
            Ok(Detail { head: changed.new.sandbox, spec })
        }
        Err(error) => {
            app.store.delete_snapshot(&snapshot, app.now()).await?;
            Err(error)
        }
    }
}

/// Wishes it of exactly this generation: what others were told of the capture must be this one.
pub(super) async fn wish(
    app: &App,
    head: Stored,
    actor: &Actor,
    id_or_name: &str,
    purpose: Purpose,
) -> Result<Changed, Error> {
    let generation = head.sandbox.generation;
    change_from(app, head, Beside::default(), actor, |sandbox| {
        if sandbox.generation != generation {
            return Err(refused(sandbox, id_or_name, purpose, Refusal::Busy));
        }
        let wished = sandbox.capturing(purpose, app.now());
        wished.map(Some).map_err(|refusal| refused(sandbox, id_or_name, purpose, refusal))
    })
    .await
}

/// Before anything is made for it: the lifecycle allows it now.
pub(super) fn possible(sandbox: &Sandbox, id_or_name: &str, purpose: Purpose) -> Result<(), Error> {
    let event = if purpose == Purpose::Fork { Event::Fork } else { Event::Snapshot };
    next(sandbox.state, event).map(|_| ()).map_err(|refusal| refused(sandbox, id_or_name, purpose, refusal))
}

fn refused(sandbox: &Sandbox, id_or_name: &str, purpose: Purpose, refusal: Refusal) -> Error {
    let verb = match purpose {
        Purpose::Archive => "archive",
        Purpose::Backup => "back up",
        Purpose::Fork => "fork",
        Purpose::Snapshot => "snapshot",
    };
    Error::Refused { verb, sandbox: id_or_name.to_owned(), state: sandbox.state, refusal }
}
