//! `POST /git/clone`.

use std::sync::Arc;

use axum::extract::State;
use paddock_wire::toolbox::git::Clone;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn clone(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Clone>) -> ApiResult<()> {
    Ok(daemon.git.clone_repository(request).await?)
}
