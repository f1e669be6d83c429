//! POST /agents/authorize

use std::sync::Arc;

use axum::{Json, extract::State};
use paddock_wire::agents::{Authorize, Grant};

use super::agent::Edge;
use crate::{actions, app::App, error::ApiError};

pub(super) async fn authorize(
    State(app): State<Arc<App>>,
    _edge: Edge,
    Json(body): Json<Authorize>,
) -> Result<Json<Grant>, ApiError> {
    Ok(Json(actions::authorize::run(&app, body).await?))
}
