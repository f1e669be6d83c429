//! A sandbox's forks and forebears.

use paddock_model::{
    id::{OrganizationId, SandboxId},
    lifecycle::State,
    sandbox::Detail,
};

use super::{
    Error, Requester,
    find_sandbox::{is_visible, stored},
};
use crate::app::App;

/// Most forebears that are shown (control-plane-sandbox §3).
const MOST_ANCESTORS: usize = 50;

/// Its forks that live.
pub async fn forks(app: &App, requester: &Requester, id_or_name: &str) -> Result<Vec<Detail>, Error> {
    let (head, _) = stored(app, requester.organization, id_or_name).await?;
    let children = app.store.children(head.sandbox.id).await?;
    let details = app.store.details(&children).await?.into_iter();
    let mut forks: Vec<Detail> = details.map(|(head, spec)| Detail { head: head.sandbox, spec }).collect();
    forks.retain(|fork| is_visible(&fork.head, requester.organization));
    forks.sort_by_key(|fork| (fork.head.created_at, fork.head.id));
    Ok(forks)
}

/// The sandbox it was forked from.
pub async fn parent(app: &App, requester: &Requester, id_or_name: &str) -> Result<Detail, Error> {
    let (head, _) = stored(app, requester.organization, id_or_name).await?;
    let missing = || Error::SandboxNotFound(format!("that {id_or_name} was forked from"));
    let parent = head.sandbox.files.parent.ok_or_else(missing)?;
    living(app, requester.organization, parent).await?.ok_or_else(missing)
}

/// Parent, its parent, and so on; oldest first.
pub async fn ancestors(app: &App, requester: &Requester, id_or_name: &str) -> Result<Vec<Detail>, Error> {
    let (head, _) = stored(app, requester.organization, id_or_name).await?;
    let (mut next, mut found) = (head.sandbox.files.parent, Vec::new());
    while let Some(id) = next.filter(|_| found.len() < MOST_ANCESTORS) {
        let Some(detail) = living(app, requester.organization, id).await? else { break };
        next = detail.head.files.parent;
        found.push(detail);
    }
    found.reverse();
    Ok(found)
}

/// It has forks that are not destroyed, nor on their way.
pub(super) async fn has_forks(app: &App, id: SandboxId) -> Result<bool, Error> {
    let children = app.store.children(id).await?;
    let heads = app.store.heads(&children).await?.found;
    Ok(heads.iter().any(|head| !matches!(head.sandbox.state, State::Destroyed | State::Destroying)))
}

async fn living(app: &App, organization: OrganizationId, id: SandboxId) -> Result<Option<Detail>, Error> {
    let found = app.store.detail(id).await?.map(|(head, spec)| Detail { head: head.sandbox, spec });
    Ok(found.filter(|detail| is_visible(&detail.head, organization)))
}
