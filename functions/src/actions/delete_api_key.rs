//! End of an API key: it opens nothing any more, and edges drop what they had granted on it.

use super::{Error, Requester, find_api_key};
use crate::app::App;

/// Deletes the requester's key of that name.
pub async fn run(app: &App, requester: &Requester, name: &str) -> Result<(), Error> {
    let key = find_api_key::run(app, requester, name).await?;
    Ok(app.store.delete_api_key(&key, app.now()).await?)
}
