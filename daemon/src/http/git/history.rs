//! `GET /git/history`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::PathQuery;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;
use crate::http::stream::json_array;

/// Answers a list of [`CommitInfo`](paddock_wire::toolbox::git::CommitInfo).
pub async fn history(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PathQuery>,
) -> ApiResult<Response> {
    Ok(json_array(daemon.git.history(&query.path).await?.pieces()))
}
