//! `POST /git/add`.

use std::sync::Arc;

use axum::extract::State;
use paddock_wire::toolbox::git::Add;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn add(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Add>) -> ApiResult<()> {
    Ok(daemon.git.add(request).await?)
}
