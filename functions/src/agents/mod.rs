//! What agents ask, over HTTP: the router of the `agents` function, so that user traffic cannot starve reports.
//!
//! * `agent` who asks: the bearer token of an agent
//! * one handler for each row of the table in `paddock_wire::agents`

mod agent;
mod authorize;
mod captures;
mod heartbeat;
mod inventory;
mod register;
mod reports;
mod revocations;
mod work;

use std::sync::Arc;

use axum::{
    Router,
    middleware::from_fn,
    routing::{get, post},
};

use crate::{app::App, error::shape_errors, routes::unknown::unknown};

/// All routes, in URL order. Paths are absolute: the gateway strips nothing.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/agents/authorize", post(authorize::authorize))
        .route("/agents/captures/{id}/begin", post(captures::begin))
        .route("/agents/captures/{id}/complete", post(captures::complete))
        .route("/agents/captures/{id}/parts", post(captures::parts))
        .route("/agents/heartbeat", post(heartbeat::heartbeat))
        .route("/agents/inventory", post(inventory::inventory))
        .route("/agents/register", post(register::register))
        .route("/agents/reports", post(reports::reports))
        .route("/agents/revocations", get(revocations::revocations))
        .route("/agents/work/{sandbox_id}", get(work::work))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn(shape_errors))
        .with_state(app)
}
