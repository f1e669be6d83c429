//! `POST /process/execute`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::process::{Execute, Executed};

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn execute(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<Execute>,
) -> ApiResult<Json<Executed>> {
    let ended = daemon.processes.execute(request).await?;
    Ok(Json(Executed { exit_code: ended.exit_code, result: ended.output }))
}
