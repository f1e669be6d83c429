//! Pause: processes and memory are kept, nothing runs. A start resumes it.

use paddock_model::{lifecycle::Event, sandbox::Detail};

use super::{Error, Requester, wish::wish};
use crate::app::App;

/// Wishes it frozen.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str) -> Result<Detail, Error> {
    wish(app, requester, id_or_name, Event::Pause, false).await
}
