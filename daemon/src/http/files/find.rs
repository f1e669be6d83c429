//! `GET /files/find`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::PatternQuery;
use crate::files::find;
use crate::files::place::Root;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;
use crate::http::stream::json_array;

pub async fn find(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PatternQuery>,
) -> ApiResult<Response> {
    let root = Root::resolve(&daemon.work_dir, &query.path)?;
    Ok(json_array("", find::find(root, &query.pattern)?, ""))
}
