//! `GET /health/ready`

use axum::Json;
use paddock_wire::api::config::Health;

use crate::caller::Caller;
use crate::openapi::Refusals;

/// This function answers and reaches its table: authenticating the caller has just read it.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "health",
    operation_id = "HealthController_check",
    responses((status = 200, description = "It can work", body = Health), Refusals),
    security(("bearer" = []))
)]
pub async fn ready(_: Caller) -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}
