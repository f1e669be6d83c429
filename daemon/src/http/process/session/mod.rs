//! `/process/session`, `/process/session/{id}`.

pub mod command;
pub mod execute;
pub mod logs;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use paddock_wire::toolbox::session as wire;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::{JsonBody, PathParams};
use crate::http::sdk_version::Sdk;
use crate::session::{Command, Session};

/// `POST /process/session`.
pub async fn create(
    State(daemon): State<Arc<Daemon>>,
    sdk: Sdk,
    JsonBody(request): JsonBody<wire::CreateSession>,
) -> ApiResult<StatusCode> {
    daemon.sessions.create(&request.session_id, sdk.begins_in_home()).await?;
    Ok(StatusCode::CREATED)
}

/// `GET /process/session`.
pub async fn list(State(daemon): State<Arc<Daemon>>) -> Json<Vec<wire::Session>> {
    Json(daemon.sessions.list().iter().map(|session| on_wire(session)).collect())
}

/// `GET /process/session/{id}`.
pub async fn get(
    State(daemon): State<Arc<Daemon>>,
    PathParams(id): PathParams<String>,
) -> ApiResult<Json<wire::Session>> {
    Ok(Json(on_wire(&*daemon.sessions.get(&id)?)))
}

/// `DELETE /process/session/{id}`.
pub async fn delete(State(daemon): State<Arc<Daemon>>, PathParams(id): PathParams<String>) -> ApiResult<StatusCode> {
    daemon.sessions.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn on_wire(session: &Session) -> wire::Session {
    let commands = session.commands().iter().map(|command| command_on_wire(command)).collect();
    wire::Session { session_id: session.id.clone(), commands }
}

fn command_on_wire(command: &Command) -> wire::Command {
    wire::Command { id: command.id.clone(), command: command.text.clone(), exit_code: command.exit_code() }
}
