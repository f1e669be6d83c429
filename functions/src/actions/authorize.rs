//! May this caller use this sandbox, and where is it? Asked by edges, cached by them, ended by the revocation feed.

use paddock_model::lifecycle::Desired;
use paddock_wire::agents::{Authorize, Credential, Grant};

use super::{Error, authenticate, find_sandbox::stored, place};
use crate::app::App;

/// Seconds that a grant may be cached.
const GRANT_SECONDS: u64 = 300;

/// A grant for a member of the sandbox's organization: using a sandbox needs no more.
pub async fn run(app: &App, ask: Authorize) -> Result<Grant, Error> {
    let Authorize { sandbox, credential: Credential::Bearer { token }, organization: _ } = ask;
    let key = authenticate::run(app, &token).await?;
    let (head, _) = stored(app, key.organization, &sandbox).await?;
    let sandbox = head.sandbox;
    let runner = match sandbox.runner {
        Some(id) => place::runner(app, id).await?,
        None => None,
    };
    let left = key.expires_at.map_or(GRANT_SECONDS, |end| end.since(app.now()).as_secs());
    Ok(Grant {
        sandbox_id: sandbox.id.0,
        organization_id: key.organization.0,
        credential_sha256: key.sha256,
        epoch: sandbox.epoch,
        generation: sandbox.generation,
        wants_started: sandbox.desired == Desired::Started && !sandbox.state.is_failed(),
        state: sandbox.state.as_str().to_owned(),
        runner_id: runner.as_ref().map(|runner| runner.id.0),
        relay_url: runner.map(|runner| runner.relay_url),
        ttl_seconds: left.min(GRANT_SECONDS),
    })
}
