//! `GET /regions/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::region::Region;

use super::shown;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Get a region.
#[utoipa::path(
    get,
    path = "/regions/{id}",
    tag = "organizations",
    operation_id = "getRegionById",
    params(("id" = String, Path, description = "Id of the region")),
    responses((status = 200, description = "The region", body = Region), Refusals),
    security(("bearer" = []))
)]
pub async fn get(State(app): State<Arc<App>>, _: Caller, path: PathParams) -> Result<Json<Region>, ApiError> {
    let id = path.id_or_name("id")?;
    if id != app.config.region {
        return Err(ApiError::not_found(format!("region {id} not found")));
    }
    Ok(Json(shown(&app)))
}
