//! A user's API keys in an organization.

use paddock_model::access::ApiKey;

use super::{Error, Requester};
use crate::app::App;

/// By name.
pub async fn run(app: &App, requester: &Requester) -> Result<Vec<ApiKey>, Error> {
    Ok(app.store.api_keys_of(requester.organization, &requester.user).await?)
}
