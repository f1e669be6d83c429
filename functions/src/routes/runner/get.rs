//! `GET /runners/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::runner::Runner;

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::RunnerReader;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;

/// Get a runner.
#[utoipa::path(
    get,
    path = "/runners/{id}",
    tag = "runners",
    operation_id = "getRunnerById",
    params(("id" = String, Path, description = "Id of the runner")),
    responses((status = 200, description = "The runner", body = Runner), Refusals),
    security(("bearer" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    RunnerReader(_): RunnerReader,
    path: PathParams,
) -> Result<Json<Runner>, ApiError> {
    Ok(Json(shown(actions::find_runner::run(&app, path.id_or_name("id")?).await?)))
}
