//! Delete: from every state. The name is free at once; the quota when its runner says that nothing is left.

use paddock_model::{lifecycle::Event, sandbox::Detail};

use super::{Error, Requester, find_sandbox::stored, list_family::has_forks, wish::wish_from};
use crate::app::App;

/// Wishes it destroyed.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str) -> Result<Detail, Error> {
    let read = stored(app, requester.organization, id_or_name).await?;
    if read.0.sandbox.files.forked && has_forks(app, read.0.sandbox.id).await? {
        return Err(Error::HasForks(id_or_name.to_owned()));
    }
    wish_from(app, requester, id_or_name, read, Event::Delete, false).await
}
