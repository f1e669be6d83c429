//! Labels: all replaced at once.

use std::collections::BTreeMap;

use paddock_model::{access::Actor, sandbox::Detail};

use super::{Error, Requester, drive::change_from, find_sandbox::stored};
use crate::app::App;

/// Replaces the labels.
pub async fn run(
    app: &App,
    requester: &Requester,
    id_or_name: &str,
    labels: BTreeMap<String, String>,
) -> Result<Detail, Error> {
    let (head, mut spec) = stored(app, requester.organization, id_or_name).await?;
    spec.labels = labels;
    super::check_size(&spec)?;
    let actor = Actor::User(requester.user.clone());
    // The head is written too: it is what keeps a specification from outliving its sandbox.
    let changed = change_from(app, head, Some(&spec).into(), &actor, |sandbox| {
        if !super::find_sandbox::is_visible(sandbox, requester.organization) {
            return Err(Error::SandboxNotFound(id_or_name.to_owned()));
        }
        let mut new = sandbox.clone();
        new.updated_at = app.now();
        Ok(Some(new))
    })
    .await?;
    super::drive::follow_up(app, &changed, Some(&spec)).await;
    Ok(Detail { head: changed.new.sandbox, spec })
}
