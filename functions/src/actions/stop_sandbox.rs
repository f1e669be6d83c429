//! Stop: a sandbox shall not run, and keep its files. An ephemeral one is deleted.

use paddock_model::{lifecycle::Event, sandbox::Detail};

use super::{Error, Requester, wish::wish};
use crate::app::App;

/// Wishes it stopped; with `force` its processes are not asked.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str, force: bool) -> Result<Detail, Error> {
    wish(app, requester, id_or_name, Event::Stop, force).await
}
