//! `GET /files/info`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::files::FileInfo;

use super::PathQuery;
use crate::files::info;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;
use crate::http::stream::blocking;

pub async fn file_info(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PathQuery>,
) -> ApiResult<Json<FileInfo>> {
    let path = daemon.resolve(&query.path)?;
    Ok(Json(blocking(move || info::info(&path)).await?))
}
