//! `/process/pty`, `/process/pty/{id}` and its `/resize`.

pub mod connect;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use paddock_wire::toolbox::info::Message;
use paddock_wire::toolbox::pty::{PtyCreate, PtyCreated, PtyResize, PtySessionInfo, PtySessions};
use time::format_description::well_known::Rfc3339;

use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult, text_of};
use crate::http::extract::{JsonBody, PathParams};
use crate::pty::{PtyError, Request, Size, Terminal};

/// `POST /process/pty`.
pub async fn create(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<PtyCreate>,
) -> ApiResult<(StatusCode, Json<PtyCreated>)> {
    let PtyCreate { id, cwd, envs, cols, rows, lazy_start } = request;
    let (size, lazy_start) = (Size::or_default(cols, rows)?, lazy_start.unwrap_or_default());
    let session_id = id.clone();
    daemon.terminals.create(Request { id, cwd, envs: envs.unwrap_or_default(), size, lazy_start }).await?;
    Ok((StatusCode::CREATED, Json(PtyCreated { session_id })))
}

/// `GET /process/pty`.
pub async fn list(State(daemon): State<Arc<Daemon>>) -> Json<PtySessions> {
    Json(PtySessions { sessions: daemon.terminals.list().iter().map(|terminal| on_wire(terminal)).collect() })
}

/// `GET /process/pty/{id}`.
pub async fn get(
    State(daemon): State<Arc<Daemon>>,
    PathParams(id): PathParams<String>,
) -> ApiResult<Json<PtySessionInfo>> {
    Ok(Json(on_wire(&*daemon.terminals.get(&id)?)))
}

/// `DELETE /process/pty/{id}`.
pub async fn delete(State(daemon): State<Arc<Daemon>>, PathParams(id): PathParams<String>) -> ApiResult<Json<Message>> {
    daemon.terminals.kill(&id).await?;
    Ok(Json(Message { message: format!("PTY session {id} was killed") }))
}

/// `POST /process/pty/{id}/resize`. A terminal that is not there counts as one that has ended.
pub async fn resize(
    State(daemon): State<Arc<Daemon>>,
    PathParams(id): PathParams<String>,
    JsonBody(PtyResize { cols, rows }): JsonBody<PtyResize>,
) -> ApiResult<Json<PtySessionInfo>> {
    let size = Size::new(cols, rows)?;
    let resized = daemon.terminals.get(&id).and_then(|terminal| terminal.resize(size).map(|()| terminal));
    match resized {
        Ok(terminal) => Ok(Json(on_wire(&terminal))),
        Err(error @ PtyError::NotFound(_)) => Err(ApiError::gone(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn on_wire(terminal: &Terminal) -> PtySessionInfo {
    let Size { cols, rows } = terminal.size();
    PtySessionInfo {
        id: terminal.id.clone(),
        cwd: text_of(terminal.directory()),
        envs: terminal.envs.clone(),
        cols,
        rows,
        created_at: terminal.created_at.format(&Rfc3339).unwrap_or_default(),
        active: terminal.is_active(),
        lazy_start: terminal.lazy_start,
    }
}
