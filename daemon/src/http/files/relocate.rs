//! `POST /files/move`.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;

use crate::files::relocate::relocate;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;
use crate::http::stream::blocking;

#[derive(Debug, Deserialize)]
pub struct MoveQuery {
    #[serde(default)]
    source: String,
    #[serde(default)]
    destination: String,
}

pub async fn move_file(State(daemon): State<Arc<Daemon>>, QueryParams(query): QueryParams<MoveQuery>) -> ApiResult<()> {
    let (source, destination) = (daemon.resolve(&query.source)?, daemon.resolve(&query.destination)?);
    blocking(move || relocate(&source, &destination)).await
}
