//! `GET /sandbox/{sandboxIdOrName}/parent`

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

/// The sandbox that this one was forked from.
#[utoipa::path(
    get,
    path = "/sandbox/{sandboxIdOrName}/parent",
    tag = "sandbox",
    operation_id = "getSandboxParent",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn parent(State(app): State<Arc<App>>, caller: Caller, path: PathParams) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let detail = actions::list_family::parent(&app, &caller.requester(), sandbox).await?;
    Ok(shown(&app, detail))
}
