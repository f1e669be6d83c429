//! `/lsp/...`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::lsp::{CompletionList, Completions, Document, Server, Symbol, SymbolQuery};

use super::Daemon;
use super::error::ApiResult;
use super::extract::{JsonBody, QueryParams};

/// `POST /lsp/start`.
pub async fn start(State(daemon): State<Arc<Daemon>>, JsonBody(which): JsonBody<Server>) -> ApiResult<()> {
    Ok(daemon.language_servers.start(&which).await?)
}

/// `POST /lsp/stop`.
pub async fn stop(State(daemon): State<Arc<Daemon>>, JsonBody(which): JsonBody<Server>) -> ApiResult<()> {
    Ok(daemon.language_servers.stop(&which).await?)
}

/// `POST /lsp/did-open`.
pub async fn did_open(State(daemon): State<Arc<Daemon>>, JsonBody(document): JsonBody<Document>) -> ApiResult<()> {
    Ok(daemon.language_servers.did_open(&document).await?)
}

/// `POST /lsp/did-close`.
pub async fn did_close(State(daemon): State<Arc<Daemon>>, JsonBody(document): JsonBody<Document>) -> ApiResult<()> {
    Ok(daemon.language_servers.did_close(&document).await?)
}

/// `POST /lsp/completions`.
pub async fn completions(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<Completions>,
) -> ApiResult<Json<CompletionList>> {
    Ok(Json(daemon.language_servers.completions(request).await?))
}

/// `GET /lsp/document-symbols`.
pub async fn document_symbols(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(document): QueryParams<Document>,
) -> ApiResult<Json<Vec<Symbol>>> {
    Ok(Json(daemon.language_servers.document_symbols(&document).await?))
}

/// `GET /lsp/workspacesymbols`.
pub async fn workspace_symbols(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(request): QueryParams<SymbolQuery>,
) -> ApiResult<Json<Vec<Symbol>>> {
    Ok(Json(daemon.language_servers.workspace_symbols(&request).await?))
}
