//! `GET`, `POST` and `DELETE /git/branches`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use paddock_wire::toolbox::git::{Branch, Branches};

use super::PathQuery;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::{JsonBody, QueryParams};

pub async fn list(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PathQuery>,
) -> ApiResult<Json<Branches>> {
    Ok(Json(daemon.git.branches(&query.path).await?))
}

pub async fn create(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Branch>) -> ApiResult<StatusCode> {
    daemon.git.create_branch(request).await?;
    Ok(StatusCode::CREATED)
}

pub async fn delete(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Branch>) -> ApiResult<StatusCode> {
    daemon.git.delete_branch(request).await?;
    Ok(StatusCode::NO_CONTENT)
}
