//! `POST /files/folder`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use crate::files::change::{create_folder, parse_mode};
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;
use crate::http::stream::blocking;

const DEFAULT_MODE: &str = "0755";

#[derive(Debug, Deserialize)]
pub struct FolderQuery {
    #[serde(default)]
    path: String,
    mode: Option<String>,
}

pub async fn folder(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<FolderQuery>,
) -> ApiResult<StatusCode> {
    let path = daemon.resolve(&query.path)?;
    let mode = parse_mode(query.mode.as_deref().filter(|mode| !mode.is_empty()).unwrap_or(DEFAULT_MODE))?;
    blocking(move || create_folder(&path, mode)).await?;
    Ok(StatusCode::CREATED)
}
