//! `POST /git/restore`.

use std::sync::Arc;

use axum::extract::State;
use paddock_wire::toolbox::git::Restore;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn restore(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Restore>) -> ApiResult<()> {
    Ok(daemon.git.restore(request).await?)
}
