//! `POST /process/execute`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use paddock_wire::toolbox::process::Execute;

use super::answer;
use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;
use crate::process::Ended;

/// Answers [`Executed`](paddock_wire::toolbox::process::Executed).
pub async fn execute(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Execute>) -> ApiResult<Response> {
    let Ended { exit_code, output } = daemon.processes.execute(request).await?;
    Ok(answer(exit_code, output, String::new()))
}
