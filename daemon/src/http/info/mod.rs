//! `/version`, the directories, `/init`, `/env`, `/system/metrics`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::info::{Dir, EnvChange, Init, Message, SystemMetrics, Version};

use super::Daemon;
use super::error::{ApiResult, text_of};
use super::extract::JsonBody;
use super::stream::blocking;
use crate::environment::Variables;

/// `GET /version`; also how the runner asks whether we live.
pub async fn version() -> Json<Version> {
    Json(Version { version: crate::VERSION.to_owned() })
}

/// `GET /work-dir`.
pub async fn work_dir(State(daemon): State<Arc<Daemon>>) -> Json<Dir> {
    Json(Dir { dir: text_of(&daemon.work_dir) })
}

/// `GET /user-home-dir`, `GET /project-dir`.
pub async fn home_dir(State(daemon): State<Arc<Daemon>>) -> Json<Dir> {
    Json(Dir { dir: text_of(&daemon.home) })
}

/// `POST /init`. The token would go with exported telemetry, which there is none of: nothing is kept.
pub async fn init(JsonBody(_): JsonBody<Init>) -> Json<Message> {
    Json(Message { message: "Telemetry is not configured".to_owned() })
}

/// `POST /env`: answers with all variables after the change.
pub async fn env(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(change): JsonBody<EnvChange>,
) -> ApiResult<Json<Environment>> {
    Ok(Json(as_text(daemon.environment.change(&change)?)))
}

/// `GET /system/metrics`. A disk can keep its numbers waiting.
pub async fn system_metrics(State(daemon): State<Arc<Daemon>>) -> ApiResult<Json<SystemMetrics>> {
    blocking(move || Ok(Json(daemon.metrics.now()))).await
}

type Environment = std::collections::BTreeMap<String, String>;

fn as_text(variables: Variables) -> Environment {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    variables.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}
