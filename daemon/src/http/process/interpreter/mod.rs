//! `/process/interpreter/...`.

pub mod execute;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use paddock_wire::toolbox::info::Message;
use paddock_wire::toolbox::interpreter::{Context, Contexts, CreateContext};

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

/// `POST /process/interpreter/context`.
pub async fn create(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<CreateContext>,
) -> ApiResult<Json<Context>> {
    Ok(Json(daemon.interpreters.create(request).await?))
}

/// `GET /process/interpreter/context`.
pub async fn list(State(daemon): State<Arc<Daemon>>) -> Json<Contexts> {
    Json(Contexts { contexts: daemon.interpreters.list() })
}

/// `DELETE /process/interpreter/context/{id}`.
pub async fn delete(State(daemon): State<Arc<Daemon>>, Path(id): Path<String>) -> ApiResult<Json<Message>> {
    daemon.interpreters.delete(&id).await?;
    Ok(Json(Message { message: "Context deleted".to_owned() }))
}
