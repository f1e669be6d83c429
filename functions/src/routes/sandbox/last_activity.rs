//! `POST /sandbox/{sandboxIdOrName}/last-activity`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use paddock_wire::api::sandbox::UpdateLastActivity;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::OptionalJsonBody;
use crate::validate::path::PathParams;

/// Say that a sandbox is in use. The one success that is 201.
#[utoipa::path(
    post,
    path = "/sandbox/{sandboxIdOrName}/last-activity",
    tag = "sandbox",
    operation_id = "updateLastActivity",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    request_body = Option<UpdateLastActivity>,
    responses((status = 201, description = "Noted"), Refusals),
    security(("bearer" = []))
)]
pub async fn last_activity(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: PathParams,
    OptionalJsonBody(UpdateLastActivity { activity_type: _ }): OptionalJsonBody<UpdateLastActivity>,
) -> Result<StatusCode, ApiError> {
    actions::touch_sandbox::run(&app, &caller.requester(), path.id_or_name("sandboxIdOrName")?).await?;
    Ok(StatusCode::CREATED)
}
