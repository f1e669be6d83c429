//! POST /agents/inventory

use std::sync::Arc;

use axum::{Json, extract::State};
use paddock_wire::agents::{Inventory, InventoryAnswer};

use super::agent::Agent;
use crate::{actions::take_inventory, app::App, error::ApiError};

pub(super) async fn inventory(
    State(app): State<Arc<App>>,
    Agent(agent): Agent,
    Json(body): Json<Inventory>,
) -> Result<Json<InventoryAnswer>, ApiError> {
    Ok(Json(take_inventory::run(&app, agent.id, body).await?))
}
