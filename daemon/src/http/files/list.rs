//! `GET /files`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::files::list::Listing;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;
use crate::http::stream::blocking;

#[derive(Debug, Deserialize)]
pub struct ListQuery {
    path: Option<String>,
    depth: Option<usize>,
}

pub async fn list(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<ListQuery>,
) -> ApiResult<Response> {
    let path = daemon.resolve(query.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("."))?;
    let listing = blocking(move || Listing::open(&path, query.depth.unwrap_or(1))).await?;
    let walk = daemon.walks.begin();
    let entries = listing.entries(walk.gone());
    Ok(walk.json_array("", entries, ""))
}
