//! The one road for every change of a head (design §3): decide, ask the plan, write, then do what follows.
//!
//! What follows is done after the write and may be lost: then it is due, and the sweep does it.

use paddock_model::{
    access::Actor,
    change::Effect,
    id::{RunnerId, SandboxId},
    sandbox::{Sandbox, Spec},
};
use paddock_wire::work::Message;

use super::{
    Error,
    first_files::{self, FirstFiles},
    place, work,
};
use crate::{
    app::App,
    store::sandboxes::{Beside, Stored, Written},
};

/// Decisions made anew because another writer was first.
const TRIES: usize = 8;

/// What became of a change.
#[derive(Debug)]
pub(super) struct Changed {
    /// The head as it was before.
    pub(super) old: Sandbox,
    /// The head as it is now.
    pub(super) new: Stored,
    /// What must still be done outside the table.
    pub(super) effect: Effect,
}

/// Reads a head, lets `decide` make a new one, and writes it with all that follows; decides anew on the newer head when
/// somebody else was first. `decide` answers none when nothing has to change.
pub(super) async fn change(
    app: &App,
    id: SandboxId,
    actor: &Actor,
    decide: impl FnMut(&Sandbox) -> Result<Option<Sandbox>, Error>,
) -> Result<Changed, Error> {
    let missing = || Error::SandboxNotFound(id.to_string());
    let current = app.store.head(id).await?.ok_or_else(missing)?;
    change_from(app, current, Beside::default(), actor, decide).await
}

/// The same, from a head just read, and perhaps with something new beside it.
pub(super) async fn change_from(
    app: &App,
    mut current: Stored,
    beside: Beside<'_>,
    actor: &Actor,
    mut decide: impl FnMut(&Sandbox) -> Result<Option<Sandbox>, Error>,
) -> Result<Changed, Error> {
    for _ in 0..TRIES {
        let old = current.sandbox.clone();
        let Some(wished) = decide(&old)? else {
            return Ok(Changed { old, new: current, effect: Effect::None });
        };
        let refuser = old.runner.filter(|_| wished.runner.is_none());
        let (new, effect) = settle(app, &wished, beside.spec.map(|spec| spec.image.as_str()), refuser).await?;
        if new == old && beside.spec.is_none() {
            return Ok(Changed { old, new: current, effect });
        }
        match app.store.change(&current, &new, beside, actor).await? {
            Written::Done(new) => return Ok(Changed { old, new, effect }),
            Written::Lost(Some(newer)) if already_wished(&old, &new, &newer.sandbox) => {
                return Ok(Changed { old, new: newer, effect });
            }
            Written::Lost(Some(newer)) => current = newer,
            Written::Lost(None) => return Err(Error::SandboxNotFound(old.id.to_string())),
            other => return Err(refusal(other, &new)),
        }
    }
    Err(Error::Contended)
}

/// Our write was done, its answer was lost, and before it could be asked for again a report came upon it: the wish
/// stands there under another `op`. (Or another caller wished the same at the same moment.)
fn already_wished(old: &Sandbox, new: &Sandbox, newer: &Sandbox) -> bool {
    new.desired != old.desired && newer.desired == new.desired && newer.generation == new.generation
}

/// Why a write was refused that nobody else was before.
pub(super) fn refusal(written: Written, sandbox: &Sandbox) -> Error {
    match written {
        Written::NameTaken => Error::NameTaken { what: "sandbox", name: sandbox.name.clone() },
        Written::Short(short) => Error::QuotaExceeded { resource: short.resource, limit: short.limit },
        Written::Done(_) | Written::Lost(_) | Written::PoolFull | Written::Collected => Error::Contended,
    }
}

/// The head with all that follows from it, placed if it must be and can be.
pub(super) async fn settle(
    app: &App,
    sandbox: &Sandbox,
    image: Option<&str>,
    refuser: Option<RunnerId>,
) -> Result<(Sandbox, Effect), Error> {
    let now = app.now();
    let (settled, effect) = sandbox.advance(now);
    if effect != Effect::Place {
        return Ok((settled, effect));
    }
    // A fork waits for its source's files.
    match first_files::state(app, &settled).await? {
        FirstFiles::Ready => {}
        FirstFiles::Awaited => return Ok((settled, Effect::None)),
        FirstFiles::Lost => return Ok(settled.without_files(first_files::LOST, now).advance(now)),
    }
    match place::choose(app, &settled, image, refuser).await? {
        Some(runner) => Ok(settled.placed(runner, now).advance(now)),
        // It queues: the plan has set when to look again.
        None => Ok((settled, Effect::None)),
    }
}

/// Does what a change left to be done. Failing is not an error: what was not sent is due soon.
pub(super) async fn follow_up(app: &App, changed: &Changed, spec: Option<&Spec>) {
    if matches!(changed.effect, Effect::None | Effect::Place) {
        return;
    }
    let sandbox = &changed.new.sandbox;
    if let Err(error) = send(app, sandbox, spec, work::idle(changed.effect)).await {
        tracing::warn!(sandbox = %sandbox.id, error = %error, "work not sent; the sweep will");
    }
}

async fn send(app: &App, sandbox: &Sandbox, spec: Option<&Spec>, idle: work::Idle) -> Result<(), Error> {
    let Some(runner) = sandbox.runner else { return Ok(()) };
    let loaded;
    let spec = match spec {
        Some(spec) => spec,
        None => match app.store.detail(sandbox.id).await? {
            Some((_, spec)) => {
                loaded = spec;
                &loaded
            }
            None => return Ok(()),
        },
    };
    let Some(runner) = place::runner(app, runner).await? else { return Ok(()) };
    let Some(work) = work::build(app, sandbox, spec, idle).await? else { return Ok(()) };
    app.queue.send(&runner.queue_url, &Message::Work(Box::new(work))).await?;
    Ok(())
}
