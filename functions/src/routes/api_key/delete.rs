//! `DELETE /api-keys/{name}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Delete one of the caller's keys. It opens nothing any more, streams that it opened included.
#[utoipa::path(
    delete,
    path = "/api-keys/{name}",
    tag = "api-keys",
    operation_id = "deleteApiKey",
    params(("name" = String, Path, description = "Name of the key")),
    responses((status = 204, description = "Deleted"), Refusals),
    security(("bearer" = []))
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller, path: PathParams) -> Result<StatusCode, ApiError> {
    actions::delete_api_key::run(&app, &caller.requester(), path.id_or_name("name")?).await?;
    Ok(StatusCode::NO_CONTENT)
}
