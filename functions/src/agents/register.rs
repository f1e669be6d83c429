//! POST /agents/register

use std::sync::Arc;

use axum::{Json, extract::State};
use http::HeaderMap;
use paddock_wire::agents::{Register, Registered};

use crate::{
    actions::{self, register_agent},
    app::App,
    caller::bearer,
    error::ApiError,
};

pub(super) async fn register(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(body): Json<Register>,
) -> Result<Json<Registered>, ApiError> {
    let join_token = bearer(&headers).ok_or(actions::Error::InvalidAgentToken)?;
    Ok(Json(register_agent::run(&app, join_token, body).await?))
}
