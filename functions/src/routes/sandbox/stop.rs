//! `POST /sandbox/{sandboxIdOrName}/stop`

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

/// Stop a started sandbox; an ephemeral one is deleted.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/stop",
    tag = "sandbox",
    operation_id = "stopSandbox",
    params(
        ("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox"),
        ("force" = Option<bool>, Query, description = "Kill instead of asking the processes to end")
    ),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn stop(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
    mut query: Query,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let force = query.boolean("force").unwrap_or(false);
    query.finish()?;
    let detail = actions::stop_sandbox::run(&app, &caller.requester(), sandbox, force).await?;
    Ok(shown(&app, detail))
}
