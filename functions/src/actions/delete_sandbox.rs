//! Delete: from every state. The name is free at once; the quota when its runner says that nothing is left.

use paddock_model::{lifecycle::Event, sandbox::Detail};

use super::{Error, Requester, find_sandbox::stored, list_family::has_forks, wish::wish};
use crate::app::App;

/// Wishes it destroyed.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str) -> Result<Detail, Error> {
    let (head, _) = stored(app, requester.organization, id_or_name).await?;
    if head.sandbox.files.forked && has_forks(app, head.sandbox.id).await? {
        return Err(Error::HasForks(id_or_name.to_owned()));
    }
    wish(app, requester, id_or_name, Event::Delete, false).await
}
