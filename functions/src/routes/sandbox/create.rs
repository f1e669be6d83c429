//! `POST /sandbox`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::create_sandbox::CreateSandbox;
use paddock_wire::api::sandbox::Sandbox;

use super::shown;
use crate::actions::create_sandbox;
use crate::app::App;
use crate::caller::SandboxWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::JsonBody;
use crate::validate::create_sandbox::check;

/// Create a sandbox.
#[utoipa::path(
    post,
    path = "/sandbox",
    tag = "sandbox",
    operation_id = "createSandbox",
    request_body = CreateSandbox,
    responses((status = 200, description = "The new sandbox", body = Sandbox), Refusals),
    security(("bearer" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    JsonBody(body): JsonBody<CreateSandbox>,
) -> Result<Json<Sandbox>, ApiError> {
    let request = check(body)?;
    let detail = create_sandbox::run(&app, &caller.requester(), request).await.map_err(ApiError::of_create)?;
    Ok(shown(&app, detail))
}
