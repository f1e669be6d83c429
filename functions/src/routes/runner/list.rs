//! `GET /runners`

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
use crate::validate::query::Query;

/// List the runners, oldest first. A region of elsewhere has none here.
#[utoipa::path(
    get,
    path = "/runners",
    tag = "runners",
    operation_id = "listRunners",
    params(("regionId" = Option<String>, Query, description = "Only those of this region")),
    responses((status = 200, description = "The runners", body = [Runner]), Refusals),
    security(("bearer" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    RunnerReader(_): RunnerReader,
    query: Query,
) -> Result<Json<Vec<Runner>>, ApiError> {
    if query.text("regionId").is_some_and(|region| region != app.config.region) {
        return Ok(Json(Vec::new()));
    }
    let runners = actions::list_runners::run(&app, &app.config.region).await?;
    Ok(Json(runners.into_iter().map(shown).collect()))
}
