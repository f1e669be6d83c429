//! `GET /regions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::region::Region;

use super::shown;
use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Refusals;

/// List the regions that the organization may use.
#[utoipa::path(
    get,
    path = "/regions",
    tag = "organizations",
    operation_id = "listAvailableRegions",
    responses((status = 200, description = "The regions", body = [Region]), Refusals),
    security(("bearer" = []))
)]
pub async fn list(State(app): State<Arc<App>>, _: Caller) -> Json<Vec<Region>> {
    Json(vec![shown(&app)])
}
