//! `POST /sandbox/{sandboxIdOrName}/snapshot`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::{CreateSandboxSnapshot, Sandbox};

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::SandboxWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::JsonBody;
use crate::validate::name;
use crate::validate::path::PathParams;

/// Make a snapshot of the files, from which sandboxes can be made.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/snapshot",
    tag = "sandbox",
    operation_id = "createSandboxSnapshot",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    request_body = CreateSandboxSnapshot,
    responses((status = 200, description = "The sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn create_snapshot(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
    JsonBody(body): JsonBody<CreateSandboxSnapshot>,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let CreateSandboxSnapshot { name, include_memory } = body;
    if include_memory == Some(true) {
        return Err(ApiError::invalid("includeMemory is not possible for containers"));
    }
    name::check_new(&name, &[]).map_err(|reason| ApiError::invalid(format!("name {reason}")))?;
    let detail = actions::capture_sandbox::snapshot(&app, &caller.requester(), sandbox, name).await?;
    Ok(shown(&app, detail))
}
