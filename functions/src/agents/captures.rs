//! POST /agents/captures/{id}/begin, …/parts, …/complete

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use paddock_model::id::CaptureId;
use paddock_wire::agents::{CaptureBegin, CaptureComplete, CapturePartUrls, CaptureParts, CaptureUpload};
use uuid::Uuid;

use super::agent::Agent;
use crate::{actions::upload_capture, app::App, error::ApiError};

pub(super) async fn begin(
    State(app): State<Arc<App>>,
    Agent(agent): Agent,
    Path(id): Path<Uuid>,
    Json(request): Json<CaptureBegin>,
) -> Result<Json<CaptureUpload>, ApiError> {
    Ok(Json(upload_capture::begin(&app, agent.id, CaptureId(id), request).await?))
}

pub(super) async fn parts(
    State(app): State<Arc<App>>,
    Agent(agent): Agent,
    Path(id): Path<Uuid>,
    Json(request): Json<CaptureParts>,
) -> Result<Json<CapturePartUrls>, ApiError> {
    Ok(Json(upload_capture::parts(&app, agent.id, CaptureId(id), request).await?))
}

pub(super) async fn complete(
    State(app): State<Arc<App>>,
    Agent(agent): Agent,
    Path(id): Path<Uuid>,
    Json(request): Json<CaptureComplete>,
) -> Result<StatusCode, ApiError> {
    upload_capture::complete(&app, agent.id, CaptureId(id), request).await?;
    Ok(StatusCode::NO_CONTENT)
}
