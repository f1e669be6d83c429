//! `POST /sandbox/{sandboxIdOrName}/fork`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::{ForkSandbox, Sandbox};

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::SandboxWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::OptionalJsonBody;
use crate::validate::name;
use crate::validate::path::PathParams;

/// Make another sandbox that begins with the files that this one has now.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/fork",
    tag = "sandbox",
    operation_id = "forkSandbox",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    request_body = Option<ForkSandbox>,
    responses((status = 200, description = "The fork", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn fork(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
    OptionalJsonBody(ForkSandbox { name }): OptionalJsonBody<ForkSandbox>,
) -> Result<Json<Sandbox>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    let name = name.filter(|name| !name.is_empty());
    let checked = name.as_deref().map_or(Ok(()), |name| name::check_new(name, &name::TAKEN_BY_SANDBOX_PATHS));
    checked.map_err(|reason| ApiError::invalid(format!("name {reason}")))?;
    let detail = actions::fork_sandbox::run(&app, &caller.requester(), sandbox, name).await?;
    Ok(shown(&app, detail))
}
