//! `GET /snapshots/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::snapshot::SnapshotDto;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Get a snapshot by id or name: an own one first, then a general one.
#[utoipa::path(
    get,
    path = "/snapshots/{id}",
    tag = "snapshots",
    operation_id = "getSnapshot",
    params(("id" = String, Path, description = "Id or name of the snapshot")),
    responses((status = 200, description = "The snapshot", body = SnapshotDto), Refusals),
    security(("bearer" = []))
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller, path: PathParams) -> Result<Json<SnapshotDto>, ApiError> {
    let snapshot = actions::find_snapshot::run(&app, caller.key.organization, path.snapshot("id")?).await?;
    Ok(Json(SnapshotDto::new(snapshot, &app.config.region)))
}
