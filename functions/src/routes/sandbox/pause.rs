//! `POST /sandbox/{sandboxIdOrName}/pause`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::Sandbox;

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::SandboxWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Freeze a started sandbox: processes and memory are kept, nothing runs. A start resumes it.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/pause",
    tag = "sandbox",
    operation_id = "pauseSandbox",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn pause(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let detail = actions::pause_sandbox::run(&app, &caller.requester(), sandbox).await?;
    Ok(shown(&app, detail))
}
