//! `POST /sandbox/{sandboxIdOrName}/public/{isPublic}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::Sandbox;

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::SandboxWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Let previews be seen without a token, or no longer.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/public/{isPublic}",
    tag = "sandbox",
    operation_id = "updatePublicStatus",
    params(
        ("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox"),
        ("isPublic" = bool, Path, description = "Whether previews need no token")
    ),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn set_public(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let public = path.boolean("isPublic")?;
    let detail = actions::set_public::run(&app, &caller.requester(), sandbox, public).await?;
    Ok(shown(&app, detail))
}
