//! `GET /files/search`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::PatternQuery;
use crate::files::place::Root;
use crate::files::search;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;

pub async fn search(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PatternQuery>,
) -> ApiResult<Response> {
    let root = Root::resolve(&daemon.work_dir, &query.path)?;
    let walk = daemon.walks.begin();
    let found = search::search(root, &query.pattern, walk.gone())?;
    Ok(walk.json_array(r#"{"files":"#, found, "}"))
}
