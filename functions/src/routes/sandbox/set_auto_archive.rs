//! `POST /sandbox/{sandboxIdOrName}/autoarchive/{interval}`

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

/// Set the minutes stopped until a sandbox is archived; 0 = the longest possible.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/autoarchive/{interval}",
    tag = "sandbox",
    operation_id = "setAutoArchiveInterval",
    params(
        ("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox"),
        ("interval" = i32, Path, description = "Minutes; 0 = the longest possible")
    ),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn set_auto_archive(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let interval = interval::auto_archive(path.minutes("interval")?);
    let interval = interval.map_err(|reason| ApiError::invalid(format!("interval {reason}")))?;
    let detail =
        actions::set_timers::run(&app, &caller.requester(), sandbox, |timers| timers.auto_archive = interval).await?;
    Ok(shown(&app, detail))
}
