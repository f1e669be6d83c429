//! `POST /sandbox/{sandboxIdOrName}/backup`

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

/// Keep a copy of the files in S3, beside the sandbox.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/backup",
    tag = "sandbox",
    operation_id = "createBackup",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn back_up(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let detail = actions::capture_sandbox::back_up(&app, &caller.requester(), sandbox).await?;
    Ok(shown(&app, detail))
}
