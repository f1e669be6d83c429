//! `/port`, `/port/{port}/in-use`.

use axum::Json;
use axum::extract::Path;
use paddock_wire::toolbox::ports::{InUse, Ports};
use tokio::task::spawn_blocking;

use super::error::{ApiError, ApiResult};
use crate::ports;

/// What callers may ask about.
const ASKED: std::ops::RangeInclusive<u16> = 3000..=9999;

/// `GET /port`.
pub async fn list() -> ApiResult<Json<Ports>> {
    Ok(Json(Ports { ports: listening().await? }))
}

/// `GET /port/{port}/in-use`.
pub async fn in_use(Path(port): Path<String>) -> ApiResult<Json<InUse>> {
    let port = port.parse().ok().filter(|port| ASKED.contains(port));
    let port = port.ok_or_else(|| ApiError::bad_request("port must be a number from 3000 to 9999"))?;
    Ok(Json(InUse { is_in_use: listening().await?.contains(&port) }))
}

async fn listening() -> ApiResult<Vec<u16>> {
    // A table of many connections takes a while to read.
    let found = spawn_blocking(ports::listening).await.map_err(|error| ApiError::internal(error.to_string()))?;
    let ports = found.map_err(|error| ApiError::internal(format!("reading the table of ports: {error}")))?;
    Ok(ports.into_iter().collect())
}
