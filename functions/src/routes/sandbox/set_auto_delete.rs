//! `POST /sandbox/{sandboxIdOrName}/autodelete/{interval}`

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
use crate::validate::interval;
use crate::validate::path::PathParams;

/// Set the minutes stopped until a sandbox is deleted; 0 = at once, negative = never.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/autodelete/{interval}",
    tag = "sandbox",
    operation_id = "setAutoDeleteInterval",
    params(
        ("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox"),
        ("interval" = i32, Path, description = "Minutes; 0 = at once, negative = never")
    ),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn set_auto_delete(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let interval = interval::auto_delete(path.minutes("interval")?);
    let interval = interval.map_err(|reason| ApiError::invalid(format!("interval {reason}")))?;
    let detail =
        actions::set_timers::run(&app, &caller.requester(), sandbox, |timers| timers.auto_delete = interval).await?;
    Ok(shown(&app, detail))
}
