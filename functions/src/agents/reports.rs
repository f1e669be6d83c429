//! POST /agents/reports

use std::sync::Arc;

use axum::{Json, extract::State};
use paddock_wire::agents::{Reports, ReportsAnswer};

use super::agent::Agent;
use crate::{actions::apply_reports, app::App, error::ApiError};

/// Most reports in one call.
const MOST: usize = 25;

pub(super) async fn reports(
    State(app): State<Arc<App>>,
    Agent(agent): Agent,
    Json(Reports { reports }): Json<Reports>,
) -> Result<Json<ReportsAnswer>, ApiError> {
    if reports.len() > MOST {
        return Err(ApiError::invalid(format!("at most {MOST} reports at once")));
    }
    Ok(Json(ReportsAnswer { verdicts: apply_reports::run(&app, agent.id, &reports).await }))
}
