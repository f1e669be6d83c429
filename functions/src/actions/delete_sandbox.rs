//! Delete: from every state. The name is free at once; the quota when its runner says that nothing is left.

use paddock_model::{lifecycle::Event, sandbox::Detail};

use super::{Error, Requester, wish::wish};
use crate::app::App;

/// Wishes it destroyed.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str) -> Result<Detail, Error> {
    wish(app, requester, id_or_name, Event::Delete, false).await
}
