//! `POST /sandbox/{sandboxIdOrName}/resize`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::{ResizeSandbox, Sandbox};

use super::shown;
use crate::actions::{self, resize_sandbox::Sizes};
use crate::app::App;
use crate::caller::SandboxWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::JsonBody;
use crate::validate::path::PathParams;

/// Change cpu, memory or disk. Started: cpu and memory can grow; stopped: all, but no disk shrinks.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/resize",
    tag = "sandbox",
    operation_id = "resizeSandbox",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    request_body = ResizeSandbox,
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn resize(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
    JsonBody(body): JsonBody<ResizeSandbox>,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let ResizeSandbox { cpu, memory, disk } = body;
    for (field, value) in [("cpu", cpu), ("memory", memory), ("disk", disk)] {
        if value == Some(0) {
            return Err(ApiError::invalid(format!("{field} must be at least 1")));
        }
    }
    let sizes = Sizes { cpu, memory_gib: memory, disk_gib: disk };
    let detail = actions::resize_sandbox::run(&app, &caller.requester(), sandbox, sizes).await?;
    Ok(shown(&app, detail))
}
