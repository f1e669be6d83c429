//! `POST /sandbox/{sandboxIdOrName}/start`

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

/// Start a stopped sandbox. One that is started is left as it is.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/start",
    tag = "sandbox",
    operation_id = "startSandbox",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn start(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let detail = actions::start_sandbox::run(&app, &caller.requester(), sandbox).await?;
    Ok(shown(&app, detail))
}
