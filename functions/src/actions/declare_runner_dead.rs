//! An operator's word that a runner will not come back: the only thing that takes sandboxes away from an owner.

use paddock_model::{access::Actor, id::RunnerId, runner::Mark};

use super::{
    Error,
    drive::{change, follow_up},
};
use crate::app::App;

/// Marks it dead, then takes from it all that it owned. Repeating continues where an earlier try ended.
pub async fn run(app: &App, id: RunnerId) -> Result<usize, Error> {
    let runner = app.store.mark_runner(id, Mark::Dead, app.now()).await?;
    let runner = runner.ok_or_else(|| Error::RunnerNotFound(id.to_string()))?;
    app.recent.runners.put(id, runner, app.now());
    let mut bereft = 0;
    for (sandbox, _) in app.store.owned_by(id).await? {
        let changed = change(app, sandbox, &Actor::Operator, |sandbox| {
            if sandbox.runner != Some(id) {
                return Ok(None);
            }
            Ok(sandbox.bereft(app.now()).ok())
        })
        .await;
        match changed {
            Ok(changed) => {
                follow_up(app, &changed, None).await;
                bereft += 1;
            }
            Err(Error::SandboxNotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bereft)
}
