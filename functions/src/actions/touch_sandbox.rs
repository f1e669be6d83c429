//! The owner says that a sandbox is in use. The runner keeps the time; the table is not written.

use paddock_wire::work::Message;

use super::{Error, Requester, find_sandbox::stored, place};
use crate::app::App;

/// Tells the runner, if there is one.
pub async fn run(app: &App, requester: &Requester, id_or_name: &str) -> Result<(), Error> {
    let (head, _) = stored(app, requester.organization, id_or_name).await?;
    let sandbox = head.sandbox;
    let Some(runner) = sandbox.runner else { return Ok(()) };
    if let Some(runner) = place::runner(app, runner).await? {
        let message = Message::Touch { sandbox_id: sandbox.id.0, epoch: sandbox.epoch };
        app.queue.send(&runner.queue_url, &message).await?;
    }
    Ok(())
}
