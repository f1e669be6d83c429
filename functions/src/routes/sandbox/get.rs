//! `GET /sandbox/{sandboxIdOrName}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::Sandbox;

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Get a sandbox by id or name.
#[utoipa::path(
    get,
    path = "/sandbox/{sandboxIdOrName}",
    tag = "sandbox",
    operation_id = "getSandbox",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller, path: PathParams) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let detail = actions::find_sandbox::run(&app, caller.key.organization, sandbox).await?;
    Ok(shown(&app, detail))
}
