//! A runner that drains becomes empty without losing a file: what waits in a pool is replaced elsewhere, what is stopped is
//! archived, so that its next start places it elsewhere. What runs stays until it stops.
//!
//! Each step is an ordinary wish, with its deadline and its way back: an archive that comes to nothing ends in `stopped`,
//! and is tried again at a later sweep.

use paddock_model::{
    access::Actor,
    runner::{Condition, Runner},
    sandbox::Sandbox,
};

use super::{
    Error,
    drive::{change_from, follow_up},
    list_runners,
};
use crate::{app::App, store::sandboxes::Beside};

/// Most sandboxes that leave one runner at once: packing and uploading costs those that run there.
const AT_ONCE: usize = 8;

/// The next step of each runner that drains.
pub async fn run(app: &App) -> Result<(), Error> {
    for found in list_runners::run(app, &app.config.region).await? {
        if let Err(error) = step(app, &found.runner, found.condition).await {
            tracing::warn!(runner = %found.runner.id, %error, "draining goes on at the next sweep");
        }
    }
    Ok(())
}

/// Sends so many on their way that no more than may leave at once do. A silent runner is left alone: it could do nothing
/// of it.
pub(super) async fn step(app: &App, runner: &Runner, condition: Condition) -> Result<(), Error> {
    if !runner.draining || condition != Condition::Ready {
        return Ok(());
    }
    let ids: Vec<_> = app.store.owned_by(runner.id).await?.into_iter().map(|(id, _)| id).collect();
    let mut heads = app.store.heads(&ids).await?.found;
    // The index may be older than the items.
    heads.retain(|head| head.sandbox.runner == Some(runner.id));
    // What fails each time keeps no other from leaving.
    heads.sort_by_key(|head| (head.sandbox.files.failed, head.sandbox.id));
    let mut room = AT_ONCE.saturating_sub(heads.iter().filter(|head| head.sandbox.is_leaving()).count());
    for head in heads {
        if room == 0 || head.sandbox.evacuated(app.now()).is_none() {
            continue;
        }
        let evacuate =
            |sandbox: &Sandbox| Ok(sandbox.evacuated(app.now()).filter(|_| sandbox.runner == Some(runner.id)));
        let changed = Box::pin(change_from(app, head, Beside::default(), &Actor::Operator, evacuate)).await?;
        Box::pin(follow_up(app, &changed, None)).await;
        room -= 1;
    }
    Ok(())
}
