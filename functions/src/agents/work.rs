//! GET /agents/work/{sandbox_id}

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use paddock_wire::work::Work;

use super::agent::Agent;
use crate::{
    actions::{self, find_work},
    app::App,
    error::ApiError,
};

pub(super) async fn work(
    State(app): State<Arc<App>>,
    Agent(agent): Agent,
    Path(sandbox): Path<String>,
) -> Result<Json<Work>, ApiError> {
    let id = sandbox.parse().map_err(|_| actions::Error::SandboxNotFound(sandbox))?;
    Ok(Json(find_work::run(&app, agent.id, id).await?))
}
