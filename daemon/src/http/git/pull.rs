//! `POST /git/pull`.

use std::sync::Arc;

use axum::extract::State;
use paddock_wire::toolbox::git::Pull;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn pull(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Pull>) -> ApiResult<()> {
    Ok(daemon.git.pull(request).await?)
}
