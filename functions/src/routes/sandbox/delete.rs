//! `DELETE /sandbox/{sandboxIdOrName}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::Sandbox;

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::SandboxDeleter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Delete a sandbox. Its name is free at once.
#[utoipa::path(
    delete,
    path = "/sandbox/{sandboxIdOrName}",
    tag = "sandbox",
    operation_id = "deleteSandbox",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    SandboxDeleter(caller): SandboxDeleter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let detail = actions::delete_sandbox::run(&app, &caller.requester(), sandbox).await?;
    Ok(shown(&app, detail))
}
