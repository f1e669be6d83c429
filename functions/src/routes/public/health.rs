//! `GET /health`

use axum::Json;
use paddock_wire::api::config::Health;

/// This function answers.
#[utoipa::path(
    get,
    path = "/health",
    tag = "health",
    operation_id = "HealthController_live",
    responses((status = 200, description = "It answers", body = Health))
)]
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}
