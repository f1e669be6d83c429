//! `DELETE /snapshots/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use paddock_model::access::Permission;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Delete an own snapshot. Sandboxes that were made from it stay.
#[utoipa::path(
    delete,
    path = "/snapshots/{id}",
    tag = "snapshots",
    operation_id = "removeSnapshot",
    params(("id" = String, Path, description = "Id or name of the snapshot")),
    responses((status = 200, description = "Deleted"), Refusals),
    security(("bearer" = []))
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller, path: PathParams) -> Result<StatusCode, ApiError> {
    caller.require(Permission::DeleteSnapshots)?;
    actions::delete_snapshot::run(&app, caller.key.organization, path.snapshot("id")?).await?;
    Ok(StatusCode::OK)
}
