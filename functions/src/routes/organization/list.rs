//! `GET /organizations`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::organization::Organization;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;

/// List the caller's organizations: with an API key, the one that it belongs to.
#[utoipa::path(
    get,
    path = "/organizations",
    tag = "organizations",
    operation_id = "listOrganizations",
    responses((status = 200, description = "The organizations", body = [Organization]), Refusals),
    security(("bearer" = []))
)]
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Vec<Organization>>, ApiError> {
    let organization = actions::find_organization::run(&app, caller.key.organization).await?;
    Ok(Json(vec![super::shown(&app, organization).await?]))
}
