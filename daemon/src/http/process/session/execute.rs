//! `POST /process/session/{id}/exec`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use paddock_wire::toolbox::session::{SessionExecute, SessionExecuted};

use super::logs::{self, Shape};
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::{JsonBody, PathParams};
use crate::http::sdk_version::Sdk;
use crate::session::Request;

/// Answers [`SessionExecuted`].
pub async fn execute(
    State(daemon): State<Arc<Daemon>>,
    sdk: Sdk,
    PathParams(id): PathParams<String>,
    JsonBody(request): JsonBody<SessionExecute>,
) -> ApiResult<Response> {
    let SessionExecute { command: text, run_async, legacy_async, suppress_input_echo } = request;
    let is_async = run_async.unwrap_or_default() || legacy_async.unwrap_or_default();
    let session = daemon.sessions.get_own(&id)?;
    let request = Request { text, is_async, echo: !suppress_input_echo.unwrap_or_default() };
    let command = session.execute(request).await?;
    if is_async {
        let cmd_id = command.id.clone();
        let executed = SessionExecuted { cmd_id, output: None, stdout: None, stderr: None, exit_code: None };
        return Ok((StatusCode::ACCEPTED, Json(executed)).into_response());
    }
    let exit_code = session.wait_for(&command).await?;
    // The id is ours and has nothing to escape.
    let before = format!(r#"{{"cmdId":"{}","exitCode":{exit_code},"#, command.id);
    logs::json(before, command, Shape::of(sdk)).await
}
