//! `POST /git/checkout`.

use std::sync::Arc;

use axum::extract::State;
use paddock_wire::toolbox::git::Checkout;

use crate::http::Daemon;
use crate::http::error::ApiResult;
use crate::http::extract::JsonBody;

pub async fn checkout(State(daemon): State<Arc<Daemon>>, JsonBody(request): JsonBody<Checkout>) -> ApiResult<()> {
    Ok(daemon.git.checkout(request).await?)
}
