//! `GET /shared-regions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::region::Region;

use super::shown;
use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Refusals;

/// List the regions that every organization may use.
#[utoipa::path(
    get,
    path = "/shared-regions",
    tag = "regions",
    operation_id = "listSharedRegions",
    responses((status = 200, description = "The regions", body = [Region]), Refusals),
    security(("bearer" = []))
)]
pub async fn list_shared(State(app): State<Arc<App>>, _: Caller) -> Json<Vec<Region>> {
    Json(vec![shown(&app)])
}
