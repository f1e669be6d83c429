//! `POST /sandbox/{sandboxIdOrName}/ttl/{ttlMinutes}`

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

/// Set the minutes from now until a sandbox is deleted, whatever it is doing; 0 = never.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/ttl/{ttlMinutes}",
    tag = "sandbox",
    operation_id = "setTtl",
    params(
        ("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox"),
        ("ttlMinutes" = i32, Path, description = "Minutes; 0 = never")
    ),
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn set_ttl(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let life = interval::auto_stop(path.minutes("ttlMinutes")?);
    let life = life.map_err(|reason| ApiError::invalid(format!("ttlMinutes {reason}")))?;
    let end = life.map(|life| app.now().after(life));
    let detail = actions::set_timers::run(&app, &caller.requester(), sandbox, |timers| timers.destroy_at = end).await?;
    Ok(shown(&app, detail))
}
