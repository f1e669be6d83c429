//! Which agent a token is.

use paddock_model::{id::RunnerId, runner::Runner};

use super::{Error, place};
use crate::{
    app::App,
    seal::{same_text, sha256_hex},
};

/// The agent. A token names its agent, so that one item is read; an agent declared dead must register anew.
pub async fn run(app: &App, token: &str) -> Result<Runner, Error> {
    let id: RunnerId = token.split_once('.').and_then(|(id, _)| id.parse().ok()).ok_or(Error::InvalidAgentToken)?;
    let sha256 = sha256_hex(token);
    let opens = |runner: &Runner| !runner.dead && same_text(&runner.token_sha256, &sha256);
    if let Some(runner) = place::runner(app, id).await?.filter(opens) {
        return Ok(runner);
    }
    // Perhaps it registered a moment ago.
    let runner = app.store.runner(id).await?.filter(opens).ok_or(Error::InvalidAgentToken)?;
    app.recent.runners.put(id, runner.clone(), app.now());
    Ok(runner)
}
