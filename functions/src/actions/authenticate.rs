//! Which API key a bearer token is.

use std::time::Duration;

use paddock_model::access::ApiKey;

use super::Error;
use crate::{app::App, seal::sha256_hex};

/// The use of a key is noted at most this often.
const NOTED_EACH: Duration = Duration::from_secs(600);

/// The key, if it opens anything. Only its hash is compared.
pub async fn run(app: &App, bearer: &str) -> Result<ApiKey, Error> {
    if bearer.is_empty() || bearer.len() > super::MAX_NAME_BYTES {
        return Err(Error::InvalidCredentials);
    }
    let key = app.store.api_key(&sha256_hex(bearer)).await?.ok_or(Error::InvalidCredentials)?;
    let now = app.now();
    if key.has_expired(now) {
        return Err(Error::CredentialsExpired);
    }
    if key.last_used_at.is_none_or(|used| now.since(used) >= NOTED_EACH)
        && let Err(error) = app.store.note_api_key_use(&key.sha256, now).await
    {
        // Not worth refusing a request.
        tracing::warn!(error = %error, "the use of an API key was not noted");
    }
    Ok(key)
}
