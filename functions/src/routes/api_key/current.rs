//! `GET /api-keys/current`

use axum::Json;
use paddock_wire::api::api_key::ApiKeyList;

use crate::caller::Caller;
use crate::openapi::Refusals;

/// The key that is used for this very call.
#[utoipa::path(
    get,
    path = "/api-keys/current",
    tag = "api-keys",
    operation_id = "getCurrentApiKey",
    responses((status = 200, description = "The key, its value masked", body = ApiKeyList), Refusals),
    security(("bearer" = []))
)]
pub async fn current(caller: Caller) -> Json<ApiKeyList> {
    Json(ApiKeyList::from(caller.key))
}
