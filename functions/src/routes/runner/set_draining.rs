//! `PATCH /runners/{id}/draining`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_model::runner::Mark;
use paddock_wire::api::runner::{Runner, SetRunnerDraining};

use super::shown;
use crate::actions;
use crate::app::App;
use crate::caller::RunnerWriter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::JsonBody;
use crate::validate::path::PathParams;

/// Empty a runner, or no longer: nothing new is placed there, what waits in a pool is replaced elsewhere, and what is stopped
/// is archived, so that its next start is elsewhere. What runs stays until it stops.
#[utoipa::path(
    patch,
    path = "/runners/{id}/draining",
    tag = "runners",
    operation_id = "updateRunnerDraining",
    params(("id" = String, Path, description = "Id of the runner")),
    request_body = SetRunnerDraining,
    responses((status = 200, description = "The runner", body = Runner), Refusals),
    security(("bearer" = []))
)]
pub async fn set_draining(
    State(app): State<Arc<App>>,
    RunnerWriter(_): RunnerWriter,
    path: PathParams,
    JsonBody(body): JsonBody<SetRunnerDraining>,
) -> Result<Json<Runner>, ApiError> {
    let mark = Mark::Draining(body.draining);
    Ok(Json(shown(actions::mark_runner::run(&app, path.id_or_name("id")?, mark).await?)))
}
