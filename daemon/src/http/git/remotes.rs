//! `GET` and `POST /git/remotes`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use paddock_wire::toolbox::git::{AddRemote, Remotes};

use super::PathQuery;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::{JsonBody, QueryParams};

pub async fn list(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PathQuery>,
) -> ApiResult<Json<Remotes>> {
    Ok(Json(daemon.git.remotes(&query.path).await?))
}

pub async fn add(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<AddRemote>) -> ApiResult<StatusCode> {
    daemon.git.add_remote(request).await?;
    Ok(StatusCode::CREATED)
}
