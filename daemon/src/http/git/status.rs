//! `GET /git/status`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::git::Status;

use super::PathQuery;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;

pub async fn status(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PathQuery>,
) -> ApiResult<Json<Status>> {
    Ok(Json(daemon.git.status(&query.path).await?))
}
