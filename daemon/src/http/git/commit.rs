//! `POST /git/commit`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::git::{Commit, Committed};

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn commit(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<Commit>,
) -> ApiResult<Json<Committed>> {
    Ok(Json(daemon.git.commit(request).await?))
}
