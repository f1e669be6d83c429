//! `POST /git/reset`.

use std::sync::Arc;

use axum::extract::State;
use paddock_wire::toolbox::git::Reset;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn reset(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Reset>) -> ApiResult<()> {
    Ok(daemon.git.reset(request).await?)
}
