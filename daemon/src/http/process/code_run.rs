//! `POST /process/code-run`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::process::{Artifacts, CodeRan, CodeRun};

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn code_run(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<CodeRun>,
) -> ApiResult<Json<CodeRan>> {
    let ran = daemon.processes.code_run(request).await?;
    let artifacts = (!ran.charts.is_empty()).then_some(Artifacts { charts: ran.charts });
    Ok(Json(CodeRan { exit_code: ran.exit_code, result: ran.output, artifacts }))
}
