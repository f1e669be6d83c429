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

pub async fn find(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PatternQuery>,
) -> ApiResult<Response> {
    let root = Root::resolve(&daemon.work_dir, &query.path)?;
    let walk = daemon.walks.begin();
    let found = find::find(root, &query.pattern, walk.gone())?;
    Ok(walk.json_array("", found, ""))
}
