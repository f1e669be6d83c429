//! The present wish for one sandbox, pulled by an owner that is behind.

use paddock_model::{
    id::{RunnerId, SandboxId},
    lifecycle::State,
};
use paddock_wire::work::Work;

use super::{Error, work};
use crate::app::App;

/// The work, if this runner owns the sandbox.
pub async fn run(app: &App, runner: RunnerId, id: SandboxId) -> Result<Work, Error> {
    let missing = || Error::SandboxNotFound(id.to_string());
    let (head, spec) = app.store.detail(id).await?.ok_or_else(missing)?;
    if head.sandbox.runner != Some(runner) || head.sandbox.state == State::Destroyed {
        return Err(missing());
    }
    work::build(app, &head.sandbox, &spec, None).await?.ok_or_else(missing)
}
