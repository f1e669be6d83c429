//! POST /agents/heartbeat

use std::sync::Arc;

use axum::{Json, extract::State};
use paddock_wire::agents::{Heartbeat, HeartbeatAnswer};

use super::agent::Agent;
use crate::{actions, app::App, error::ApiError};

pub(super) async fn heartbeat(
    State(app): State<Arc<App>>,
    Agent(agent): Agent,
    Json(body): Json<Heartbeat>,
) -> Result<Json<HeartbeatAnswer>, ApiError> {
    Ok(Json(actions::heartbeat::run(&app, &agent, body).await?))
}
