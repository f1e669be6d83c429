//! All routes, in URL order of each engine.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{delete, get, post};

use super::process::{pty, session};
use super::{Daemon, error, files, git, info, lsp, ports, process};

type Routes = Router<Arc<Daemon>>;

/// The whole HTTP API.
pub fn router(daemon: Arc<Daemon>) -> Router {
    info_routes()
        .merge(file_routes())
        .merge(git_routes())
        .merge(lsp_routes())
        .merge(process_routes())
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        // JSON bodies have their own bound; uploads have none, they stream.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(error::with_request))
        .with_state(daemon)
}

fn info_routes() -> Routes {
    Router::new()
        .route("/env", post(info::env))
        .route("/init", post(info::init))
        .route("/port", get(ports::list))
        .route("/port/{port}/in-use", get(ports::in_use))
        .route("/project-dir", get(info::home_dir))
        .route("/system/metrics", get(info::system_metrics))
        .route("/user-home-dir", get(info::home_dir))
        .route("/version", get(info::version))
        .route("/work-dir", get(info::work_dir))
}

fn file_routes() -> Routes {
    Router::new()
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
}

fn git_routes() -> Routes {
    Router::new()
        .route("/git/add", post(git::add::add))
        .route("/git/branches", get(git::branches::list).post(git::branches::create).delete(git::branches::delete))
        .route("/git/checkout", post(git::checkout::checkout))
        .route("/git/clone", post(git::clone::clone))
        .route("/git/commit", post(git::commit::commit))
        .route("/git/config", get(git::config::get).post(git::config::set))
        .route("/git/config/user", post(git::config::configure_user))
        .route("/git/credentials", post(git::credentials::credentials))
        .route("/git/history", get(git::history::history))
        .route("/git/init", post(git::init::init))
        .route("/git/pull", post(git::pull::pull))
        .route("/git/push", post(git::push::push))
        .route("/git/remotes", get(git::remotes::list).post(git::remotes::add))
        .route("/git/reset", post(git::reset::reset))
        .route("/git/restore", post(git::restore::restore))
        .route("/git/status", get(git::status::status))
}

fn lsp_routes() -> Routes {
    Router::new()
        .route("/lsp/completions", post(lsp::completions))
        .route("/lsp/did-close", post(lsp::did_close))
        .route("/lsp/did-open", post(lsp::did_open))
        .route("/lsp/document-symbols", get(lsp::document_symbols))
        .route("/lsp/start", post(lsp::start))
        .route("/lsp/stop", post(lsp::stop))
        .route("/lsp/workspacesymbols", get(lsp::workspace_symbols))
}

fn process_routes() -> Routes {
    Router::new()
        .route("/process/code-run", post(process::code_run::code_run))
        .route("/process/execute", post(process::execute::execute))
        .route("/process/interpreter/context", get(process::interpreter::list).post(process::interpreter::create))
        .route("/process/interpreter/context/{id}", delete(process::interpreter::delete))
        .route("/process/interpreter/execute", get(process::interpreter::execute::execute))
        .route("/process/pty", get(pty::list).post(pty::create))
        .route("/process/pty/create-connect", get(pty::connect::create_connect))
        .route("/process/pty/{id}", get(pty::get).delete(pty::delete))
        .route("/process/pty/{id}/connect", get(pty::connect::connect))
        .route("/process/pty/{id}/resize", post(pty::resize))
        .route("/process/session", get(session::list).post(session::create))
        .route("/process/session/entrypoint/logs", get(session::logs::of_entrypoint))
        .route("/process/session/{id}", get(session::get).delete(session::delete))
        .route("/process/session/{id}/command/{cid}", get(session::command::get))
        .route("/process/session/{id}/command/{cid}/input", post(session::command::input))
        .route("/process/session/{id}/command/{cid}/logs", get(session::logs::of_command))
        .route("/process/session/{id}/exec", post(session::execute::execute))
}
