//! `POST /sandbox/{sandboxIdOrName}/recover`

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
use crate::validate::query::Query;

/// Bring a sandbox back from an error that can be recovered from.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/recover",
    tag = "sandbox",
    operation_id = "recoverSandbox",
    params(
        ("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox"),
        ("skipStart" = Option<bool>, Query, description = "Leave it stopped")
    ),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn recover(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
    mut query: Query,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let skip_start = query.boolean("skipStart").unwrap_or(false);
    query.finish()?;
    let detail = actions::recover_sandbox::run(&app, &caller.requester(), sandbox, skip_start).await?;
    Ok(shown(&app, detail))
}
