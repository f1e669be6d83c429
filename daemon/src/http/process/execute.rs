//! `POST /process/execute`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use paddock_wire::toolbox::process::Execute;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;
use crate::http::stream::json_text;

/// Answers [`Executed`](paddock_wire::toolbox::process::Executed).
pub async fn execute(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Execute>) -> ApiResult<Response> {
    let ended = daemon.processes.execute(request).await?;
    Ok(json_text(format!(r#"{{"exitCode":{},"result":"#, ended.exit_code), ended.output, "}".to_owned()))
}
