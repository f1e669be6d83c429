//! All routes, in URL order.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{delete, get, post};

use super::{Daemon, error, files, info, lsp, ports, process};

/// The whole HTTP API.
pub fn router(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/env", post(info::env))
        .route("/files", get(files::list::list).delete(files::delete::delete))
        .route("/files/", get(files::list::list).delete(files::delete::delete))
        .route("/files/bulk-download", post(files::bulk_download::bulk_download))
        .route("/files/bulk-upload", post(files::bulk_upload::bulk_upload))
        .route("/files/download", get(files::download::download))
        .route("/files/find", get(files::find::find))
        .route("/files/folder", post(files::folder::folder))
        .route("/files/info", get(files::info::file_info))
        .route("/files/move", post(files::relocate::move_file))
        .route("/files/permissions", post(files::permissions::permissions))
        .route("/files/replace", post(files::replace::replace))
        .route("/files/search", get(files::search::search))
        .route("/files/upload", post(files::upload::upload))
        .route("/files/upload-v2", post(files::upload::upload_v2))
        .route("/init", post(info::init))
        .route("/lsp/completions", post(lsp::completions))
        .route("/lsp/did-close", post(lsp::did_close))
        .route("/lsp/did-open", post(lsp::did_open))
        .route("/lsp/document-symbols", get(lsp::document_symbols))
        .route("/lsp/start", post(lsp::start))
        .route("/lsp/stop", post(lsp::stop))
        .route("/lsp/workspacesymbols", get(lsp::workspace_symbols))
        .route("/port", get(ports::list))
        .route("/port/{port}/in-use", get(ports::in_use))
        .route("/process/code-run", post(process::code_run::code_run))
        .route("/process/execute", post(process::execute::execute))
        .route("/process/interpreter/context", get(process::interpreter::list).post(process::interpreter::create))
        .route("/process/interpreter/context/{id}", delete(process::interpreter::delete))
        .route("/process/interpreter/execute", get(process::interpreter::execute::execute))
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
