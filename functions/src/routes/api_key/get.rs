//! `GET /api-keys/{name}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::api_key::ApiKeyList;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Get one of the caller's keys.
#[utoipa::path(
    get,
    path = "/api-keys/{name}",
    tag = "api-keys",
    operation_id = "getApiKey",
    params(("name" = String, Path, description = "Name of the key")),
    responses((status = 200, description = "The key, its value masked", body = ApiKeyList), Refusals),
    security(("bearer" = []))
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller, path: PathParams) -> Result<Json<ApiKeyList>, ApiError> {
    let key = actions::find_api_key::run(&app, &caller.requester(), path.id_or_name("name")?).await?;
    Ok(Json(ApiKeyList::from(key)))
}
