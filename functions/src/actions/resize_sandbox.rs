//! Resize: other limits. The runner has the last word: without room the sandbox stays as it was.

use paddock_model::{
    access::Actor,
    lifecycle::State,
    sandbox::{Detail, Resources, Sandbox},
};

use super::{
    Error, Requester,
    drive::{change_from, follow_up},
    find_sandbox::stored,
};
use crate::{app::App, store::sandboxes::Beside};

/// What is wanted; none = as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Whole CPUs.
    pub cpu: Option<u32>,
    /// GiB.
    pub memory_gib: Option<u32>,
    /// GiB.
    pub disk_gib: Option<u32>,
}

/// Wishes it of these sizes; paid for from now on.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str, sizes: Sizes) -> Result<Detail, Error> {
    let (head, spec) = stored(app, requester.organization, id_or_name).await?;
    let actor = Actor::User(requester.user.clone());
    let changed = change_from(app, head, Beside::default(), &actor, |sandbox| {
        let wished = sandbox.resized(wanted(sandbox.resources, sizes), app.now()).map_err(|refusal| {
            Error::Refused { verb: "resize", sandbox: id_or_name.to_owned(), state: sandbox.state, refusal }
        })?;
        check(sandbox, sizes)?;
        Ok(Some(wished))
    })
    .await?;
    follow_up(app, &changed, Some(&spec)).await;
    Ok(Detail { head: changed.new.sandbox, spec })
}

fn wanted(now: Resources, sizes: Sizes) -> Resources {
    Resources {
        cpu: sizes.cpu.unwrap_or(now.cpu),
        memory_gib: sizes.memory_gib.unwrap_or(now.memory_gib),
        disk_gib: sizes.disk_gib.unwrap_or(now.disk_gib),
    }
}

/// What control-plane-sandbox §3.4 allows.
fn check(sandbox: &Sandbox, sizes: Sizes) -> Result<(), Error> {
    let (now, to) = (sandbox.resources, wanted(sandbox.resources, sizes));
    let refuse = |why: &str| Err(Error::Invalid(why.to_owned()));
    if to == now {
        return refuse("the sandbox has these sizes already");
    }
    if to.disk_gib < now.disk_gib {
        return refuse("a disk cannot be made smaller");
    }
    if sandbox.state == State::Started && to.disk_gib != now.disk_gib {
        return refuse("the disk of a started sandbox cannot be resized; stop it first");
    }
    if sandbox.state == State::Started && (to.cpu < now.cpu || to.memory_gib < now.memory_gib) {
        return refuse("cpu and memory of a started sandbox can only grow; stop it first");
    }
    Ok(())
}
