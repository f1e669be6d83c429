//! `GET /sandbox/{sandboxIdOrName}/ancestors`

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

/// What this sandbox was forked from, and that from; oldest first.
#[utoipa::path(
    get,
    path = "/sandbox/{sandboxIdOrName}/ancestors",
    tag = "sandbox",
    operation_id = "getSandboxAncestors",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The sandboxes", body = Vec<Sandbox>), Refusals),
    security(("bearer" = []))
)]
pub async fn ancestors(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: PathParams,
) -> Result<Json<Vec<Sandbox>>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let details = actions::list_family::ancestors(&app, &caller.requester(), sandbox).await?;
    Ok(Json(details.into_iter().map(|detail| shown(&app, detail).0).collect()))
}
