//! `POST /sandbox/{sandboxIdOrName}/archive`

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

/// Move the files of a stopped sandbox to S3 and free its runner; a start brings them back.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/archive",
    tag = "sandbox",
    operation_id = "archiveSandbox",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn archive(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let detail = actions::capture_sandbox::archive(&app, &caller.requester(), sandbox).await?;
    Ok(shown(&app, detail))
}
