//! `GET /sandbox/{sandboxIdOrName}/toolbox-proxy-url`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::ToolboxProxyUrl;

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Where toolbox calls for a sandbox go; older SDKs ask, newer ones read it from the sandbox.
#[utoipa::path(
    get,
    path = "/sandbox/{sandboxIdOrName}/toolbox-proxy-url",
    tag = "sandbox",
    operation_id = "getToolboxProxyUrl",
    params(("sandboxIdOrName" = String, Path, description = "Id or name of the sandbox")),
    responses((status = 200, description = "The address", body = ToolboxProxyUrl), Refusals),
    security(("bearer" = []))
)]
pub async fn toolbox_proxy_url(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: PathParams,
) -> Result<Json<ToolboxProxyUrl>, ApiError> {
    actions::find_sandbox::run(&app, caller.key.organization, path.id_or_name("sandboxIdOrName")?).await?;
    Ok(Json(ToolboxProxyUrl { url: app.config.proxy_url.clone() }))
}
