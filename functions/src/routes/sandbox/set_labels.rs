//! `PUT /sandbox/{sandboxIdOrName}/labels`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::SandboxLabels;

use crate::actions;
use crate::app::App;
use crate::caller::SandboxWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::JsonBody;
use crate::validate::maps::check_labels;
use crate::validate::path::PathParams;

/// Replace all labels of a sandbox.
#[utoipa::path(
    put,
    path = "/sandbox/{sandboxIdOrName}/labels",
    tag = "sandbox",
    operation_id = "replaceLabels",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    request_body = SandboxLabels,
    responses((status = 200, description = "The labels as they are now", body = SandboxLabels), Refusals),
    security(("bearer" = []))
)]
pub async fn set_labels(
    State(app): State<Arc<App>>,
    SandboxWriter(caller): SandboxWriter,
    path: PathParams,
    JsonBody(SandboxLabels { labels }): JsonBody<SandboxLabels>,
) -> Result<Json<SandboxLabels>, ApiError> {
    let sandbox = path.id_or_name("sandboxIdOrName")?;
    check_labels(&labels).map_err(|reason| ApiError::invalid(format!("labels {reason}")))?;
    let detail = actions::set_labels::run(&app, &caller.requester(), sandbox, labels).await?;
    Ok(Json(SandboxLabels { labels: detail.spec.labels }))
}
