//! `PATCH /runners/{id}/scheduling`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_model::runner::Mark;
use paddock_wire::api::runner::{Runner, SetRunnerScheduling};

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::RunnerWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::JsonBody;
use crate::validate::path::PathParams;

/// Keep new sandboxes from a runner, or no longer. What it has stays, and starts there again.
#[utoipa::path(
    patch,
    path = "/runners/{id}/scheduling",
    tag = "runners",
    operation_id = "updateRunnerScheduling",
    params(("id" = String, Path, description = "Id of the runner")),
    request_body = SetRunnerScheduling,
    responses((status = 200, description = "The runner", body = Runner), Refusals),
    security(("bearer" = []))
)]
pub async fn set_scheduling(
    State(app): State<Arc<App>>,
    RunnerWriter(_): RunnerWriter,
    path: PathParams,
    JsonBody(body): JsonBody<SetRunnerScheduling>,
) -> Result<Json<Runner>, ApiError> {
    let mark = Mark::Unschedulable(body.unschedulable);
    Ok(Json(shown(actions::mark_runner::run(&app, path.id_or_name("id")?, mark).await?)))
}
