//! `/process/session/{id}/command/{cid}` and its `/input`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use paddock_wire::toolbox::session as wire;

use super::command_on_wire;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::{JsonBody, PathParams};

/// `GET .../command/{cid}`.
pub async fn get(
    State(daemon): State<Arc<Daemon>>,
    PathParams((id, command)): PathParams<(String, String)>,
) -> ApiResult<Json<wire::Command>> {
    Ok(Json(command_on_wire(&*daemon.sessions.get(&id)?.command(&command)?)))
}

/// `POST .../command/{cid}/input`.
pub async fn input(
    State(daemon): State<Arc<Daemon>>,
    PathParams((id, command)): PathParams<(String, String)>,
    JsonBody(input): JsonBody<wire::SessionInput>,
) -> ApiResult<StatusCode> {
    let session = daemon.sessions.get_own(&id)?;
    session.input(&session.command(&command)?, input.data).await?;
    Ok(StatusCode::NO_CONTENT)
}
