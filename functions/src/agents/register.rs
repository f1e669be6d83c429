//! POST /agents/register

use std::sync::Arc;

use axum::{Json, extract::State};
use http::HeaderMap;
use paddock_wire::agents::{Register, Registered};

use super::agent::bearer;
use crate::{actions::register_agent, app::App, error::ApiError};

pub(super) async fn register(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(body): Json<Register>,
) -> Result<Json<Registered>, ApiError> {
    Ok(Json(register_agent::run(&app, bearer(&headers)?, body).await?))
}
