//! `POST /files/permissions`.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;

use crate::files::change::{Ownership, parse_mode, set_permissions};
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::QueryParams;
use crate::http::stream::blocking;

#[derive(Debug, Deserialize)]
pub struct PermissionsQuery {
    #[serde(default)]
    path: String,
    mode: Option<String>,
    owner: Option<String>,
    group: Option<String>,
}

pub async fn permissions(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PermissionsQuery>,
) -> ApiResult<()> {
    let PermissionsQuery { path, mode, owner, group } = query;
    let path = daemon.resolve(&path)?;
    let said = |value: &String| !value.is_empty();
    let mode = mode.filter(said).map(|mode| parse_mode(&mode)).transpose()?;
    let ownership = Ownership { mode, owner: owner.filter(said), group: group.filter(said) };
    blocking(move || set_permissions(&path, &ownership)).await
}
