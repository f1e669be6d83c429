//! `POST /git/credentials`.

use std::sync::Arc;

use axum::extract::State;
use paddock_wire::toolbox::git::Credentials;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn credentials(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Credentials>) -> ApiResult<()> {
    Ok(daemon.git.store_credentials(request).await?)
}
