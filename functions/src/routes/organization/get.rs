//! `GET /organizations/{organizationId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::organization::Organization;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Get an organization. An API key sees its own only; any other id is refused alike, whether it exists or not.
#[utoipa::path(
    get,
    path = "/organizations/{organizationId}",
    tag = "organizations",
    operation_id = "getOrganization",
    params(("organizationId" = String, Path, description = "Id of the organization")),
    responses((status = 200, description = "The organization", body = Organization), Refusals),
    security(("bearer" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: PathParams,
) -> Result<Json<Organization>, ApiError> {
    if path.id_or_name("organizationId")? != caller.key.organization.to_string() {
        return Err(ApiError::forbidden("Invalid authentication context: the API key belongs to another organization"));
    }
    let organization = actions::find_organization::run(&app, caller.key.organization).await?;
    Ok(Json(super::shown(&app, organization).await?))
}
