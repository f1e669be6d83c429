//! Start: a stopped sandbox shall run. Started already is a success.

use paddock_model::{lifecycle::Event, sandbox::Detail};

use super::{Error, Requester, find_organization, wait_started::wait_started, wish::wish};
use crate::app::App;

/// Wishes it started; quota is charged again, and the answer waits a moment for it to be so.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str) -> Result<Detail, Error> {
    if find_organization::run(app, requester.organization).await?.suspended {
        return Err(Error::OrganizationSuspended);
    }
    let detail = wish(app, requester, id_or_name, Event::Start, false).await?;
    wait_started(app, detail).await
}
