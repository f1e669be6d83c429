//! A user's API key by its name.

use paddock_model::access::ApiKey;

use super::{Error, Requester};
use crate::app::App;

/// The key of that name.
pub async fn run(app: &App, requester: &Requester, name: &str) -> Result<ApiKey, Error> {
    let missing = || Error::ApiKeyNotFound(name.to_owned());
    if name.is_empty() || name.len() > super::MAX_NAME_BYTES {
        return Err(missing());
    }
    app.store.api_key_named(requester.organization, &requester.user, name).await?.ok_or_else(missing)
}
