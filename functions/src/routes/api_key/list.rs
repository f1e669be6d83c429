//! `GET /api-keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::api_key::ApiKeyList;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;

/// List the caller's keys in this organization.
#[utoipa::path(
    get,
    path = "/api-keys",
    tag = "api-keys",
    operation_id = "listApiKeys",
    responses((status = 200, description = "The keys, their values masked", body = [ApiKeyList]), Refusals),
    security(("bearer" = []))
)]
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Vec<ApiKeyList>>, ApiError> {
    let keys = actions::list_api_keys::run(&app, &caller.requester()).await?;
    Ok(Json(keys.into_iter().map(ApiKeyList::from).collect()))
}
