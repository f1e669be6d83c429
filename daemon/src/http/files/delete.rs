//! `DELETE /files`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use crate::files::change;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;
use crate::http::stream::blocking;

#[derive(Debug, Deserialize)]
pub struct DeleteQuery {
    #[serde(default)]
    path: String,
    /// `true` in any case of letters, or `1`; everything else is no.
    #[serde(default)]
    recursive: String,
}

pub async fn delete(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<DeleteQuery>,
) -> ApiResult<StatusCode> {
    let path = daemon.resolve(&query.path)?;
    let recursive = query.recursive.eq_ignore_ascii_case("true") || query.recursive == "1";
    blocking(move || change::delete(&path, recursive)).await?;
    Ok(StatusCode::NO_CONTENT)
}
