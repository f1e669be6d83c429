//! GET /agents/revocations?since={cursor}

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use paddock_wire::agents::Revocations;
use serde::Deserialize;

use super::agent::Edge;
use crate::{actions::read_revocations, app::App, error::ApiError};

#[derive(Deserialize)]
pub(super) struct Since {
    since: Option<String>,
}

pub(super) async fn revocations(
    State(app): State<Arc<App>>,
    _edge: Edge,
    Query(Since { since }): Query<Since>,
) -> Result<Json<Revocations>, ApiError> {
    Ok(Json(read_revocations::run(&app, since.as_deref()).await?))
}
