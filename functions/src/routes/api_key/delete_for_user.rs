//! `DELETE /api-keys/{userId}/{name}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Delete a key of a user. An API key reaches only its own user's keys: it carries no role in the organization.
#[utoipa::path(
    delete,
    path = "/api-keys/{userId}/{name}",
    tag = "api-keys",
    operation_id = "deleteApiKeyForUser",
    params(
        ("userId" = String, Path, description = "Whose key"),
        ("name" = String, Path, description = "Name of the key")
    ),
    responses((status = 204, description = "Deleted"), Refusals),
    security(("bearer" = []))
)]
pub async fn delete_for_user(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: PathParams,
) -> Result<StatusCode, ApiError> {
    if path.id_or_name("userId")? != caller.key.user.0 {
        return Err(ApiError::forbidden("Access denied: only own keys can be deleted with an API key"));
    }
    actions::delete_api_key::run(&app, &caller.requester(), path.id_or_name("name")?).await?;
    Ok(StatusCode::NO_CONTENT)
}
