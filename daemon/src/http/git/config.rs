//! `GET` and `POST /git/config`, `POST /git/config/user`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::git::{ConfigQuery, ConfigValue, ConfigureUser, SetConfig};

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::{JsonBody, QueryParams};

pub async fn get(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<ConfigQuery>,
) -> ApiResult<Json<ConfigValue>> {
    Ok(Json(daemon.git.config(query).await?))
}

pub async fn set(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<SetConfig>) -> ApiResult<()> {
    Ok(daemon.git.set_config(request).await?)
}

pub async fn configure_user(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<ConfigureUser>,
) -> ApiResult<()> {
    Ok(daemon.git.configure_user(request).await?)
}
