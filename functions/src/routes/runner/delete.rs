//! `DELETE /runners/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::actions;
use crate::app::App;
use crate::caller::RunnerDeleter;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::path::PathParams;
use crate::validate::query::Query;

/// Remove a runner that holds nothing, or with `force` one that does: what is only there is lost, as when it died. Stop its
/// agent first; one that still runs registers as a new runner.
#[utoipa::path(
    delete,
    path = "/runners/{id}",
    tag = "runners",
    operation_id = "deleteRunner",
    params(
        ("id" = String, Path, description = "Id of the runner"),
        ("force" = Option<bool>, Query, description = "Whatever it holds")
    ),
    responses((status = 204, description = "Removed"), Refusals),
    security(("bearer" = []))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    RunnerDeleter(_): RunnerDeleter,
    path: PathParams,
    mut query: Query,
) -> Result<StatusCode, ApiError> {
    let force = query.boolean("force").unwrap_or_default();
    query.finish()?;
    actions::remove_runner::run(&app, path.id_or_name("id")?, force).await?;
    Ok(StatusCode::NO_CONTENT)
}
