//! All routes, in URL order.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use super::{Daemon, error, info, process};

/// The whole HTTP API.
pub fn router(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/env", post(info::env))
        .route("/init", post(info::init))
        .route("/process/code-run", post(process::code_run::code_run))
        .route("/process/execute", post(process::execute::execute))
        .route("/project-dir", get(info::home_dir))
        .route("/system/metrics", get(info::system_metrics))
        .route("/user-home-dir", get(info::home_dir))
        .route("/version", get(info::version))
        .route("/work-dir", get(info::work_dir))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        // JSON bodies have their own bound; uploads have none, they stream.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(error::with_request))
        .with_state(daemon)
}
