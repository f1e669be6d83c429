//! `POST /git/push`.

use std::sync::Arc;

use axum::extract::State;
use paddock_wire::toolbox::git::Push;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn push(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Push>) -> ApiResult<()> {
    Ok(daemon.git.push(request).await?)
}
