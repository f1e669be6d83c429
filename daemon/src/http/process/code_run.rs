//! `POST /process/code-run`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use paddock_wire::toolbox::chart::Chart;
use paddock_wire::toolbox::process::{Artifacts, CodeRun};

use super::answer;
use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::JsonBody;
use crate::process::Ran;

/// Answers [`CodeRan`](paddock_wire::toolbox::process::CodeRan).
pub async fn code_run(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<CodeRun>) -> ApiResult<Response> {
    let Ran { exit_code, output, charts } = daemon.processes.code_run(request).await?;
    let artifacts = if charts.is_empty() { String::new() } else { artifacts(charts)? };
    Ok(answer(exit_code, output, artifacts))
}

fn artifacts(charts: Vec<Chart>) -> ApiResult<String> {
    let json = serde_json::to_string(&Artifacts { charts });
    json.map(|json| format!(r#","artifacts":{json}"#)).map_err(|error| ApiError::internal(error.to_string()))
}
