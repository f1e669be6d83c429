//! `POST /git/init`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use paddock_wire::toolbox::git::Init;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn init(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Init>) -> ApiResult<StatusCode> {
    daemon.git.init(request).await?;
    Ok(StatusCode::CREATED)
}
