//! All public routes, in URL order, and the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, patch, post, put};
use tower_http::cors::{Any, CorsLayer};

use crate::app::App;
use crate::error::shape_errors;
use crate::rate_limit;
use crate::routes::{api_key, organization, public, region, runner, sandbox, snapshot, unknown::unknown};

/// The `api` function. Paths are absolute: the gateway strips nothing.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .nest("/api", operations())
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn_with_state(app.clone(), rate_limit::limit))
        .layer(from_fn(shape_errors))
        .layer(cors())
        .with_state(app)
}

#[rustfmt::skip]
fn operations() -> Router<Arc<App>> {
    Router::new()
        .route("/api-keys", get(api_key::list::list).post(api_key::create::create))
        .route("/api-keys/current", get(api_key::current::current))
        .route("/api-keys/{name}", get(api_key::get::get).delete(api_key::delete::delete))
        .route("/api-keys/{userId}/{name}", delete(api_key::delete_for_user::delete_for_user))
        .route("/config", get(public::config::config))
        .route("/health", get(public::health::health))
        .route("/health/ready", get(public::ready::ready))
        .route("/organizations", get(organization::list::list))
        .route("/organizations/{organizationId}", get(organization::get::get))
        .route("/regions", get(region::list::list))
        .route("/regions/{id}", get(region::get::get))
        .route("/runners", get(runner::list::list))
        .route("/runners/{id}", get(runner::get::get).delete(runner::delete::delete))
        .route("/runners/{id}/draining", patch(runner::set_draining::set_draining))
        .route("/runners/{id}/scheduling", patch(runner::set_scheduling::set_scheduling))
        .route("/sandbox", get(sandbox::list::list).post(sandbox::create::create))
        .route("/sandbox/paginated", get(sandbox::list_pages::list_pages))
        .route("/sandbox/{sandboxIdOrName}", get(sandbox::get::get).delete(sandbox::delete::delete))
        .route("/sandbox/{sandboxIdOrName}/ancestors", get(sandbox::ancestors::ancestors))
        .route("/sandbox/{sandboxIdOrName}/archive", post(sandbox::archive::archive))
        .route("/sandbox/{sandboxIdOrName}/autoarchive/{interval}", post(sandbox::set_auto_archive::set_auto_archive))
        .route("/sandbox/{sandboxIdOrName}/autodelete/{interval}", post(sandbox::set_auto_delete::set_auto_delete))
        .route("/sandbox/{sandboxIdOrName}/autopause/{interval}", post(sandbox::set_auto_pause::set_auto_pause))
        .route("/sandbox/{sandboxIdOrName}/autostop/{interval}", post(sandbox::set_auto_stop::set_auto_stop))
        .route("/sandbox/{sandboxIdOrName}/backup", post(sandbox::back_up::back_up))
        .route("/sandbox/{sandboxIdOrName}/fork", post(sandbox::fork::fork))
        .route("/sandbox/{sandboxIdOrName}/forks", get(sandbox::forks::forks))
        .route("/sandbox/{sandboxIdOrName}/labels", put(sandbox::set_labels::set_labels))
        .route("/sandbox/{sandboxIdOrName}/last-activity", post(sandbox::last_activity::last_activity))
        .route("/sandbox/{sandboxIdOrName}/parent", get(sandbox::parent::parent))
        .route("/sandbox/{sandboxIdOrName}/pause", post(sandbox::pause::pause))
        .route("/sandbox/{sandboxIdOrName}/public/{isPublic}", post(sandbox::set_public::set_public))
        .route("/sandbox/{sandboxIdOrName}/recover", post(sandbox::recover::recover))
        .route("/sandbox/{sandboxIdOrName}/resize", post(sandbox::resize::resize))
        .route("/sandbox/{sandboxIdOrName}/snapshot", post(sandbox::create_snapshot::create_snapshot))
        .route("/sandbox/{sandboxIdOrName}/start", post(sandbox::start::start))
        .route("/sandbox/{sandboxIdOrName}/stop", post(sandbox::stop::stop))
        .route("/sandbox/{sandboxIdOrName}/toolbox-proxy-url", get(sandbox::toolbox_proxy_url::toolbox_proxy_url))
        .route("/sandbox/{sandboxIdOrName}/ttl/{ttlMinutes}", post(sandbox::set_ttl::set_ttl))
        .route("/shared-regions", get(region::list_shared::list_shared))
        .route("/snapshots", get(snapshot::list::list))
        .route("/snapshots/{id}", get(snapshot::get::get).delete(snapshot::delete::delete))
}

/// Browsers: the dashboard, and the TypeScript SDK in a page. Credentials are headers, never cookies.
fn cors() -> CorsLayer {
    let daytona = ["x-daytona-organization-id", "x-daytona-source", "x-daytona-sdk-version"];
    let daytona = daytona.map(HeaderName::from_static);
    let limits = rate_limit::header_names();
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE].into_iter().chain(daytona).collect::<Vec<_>>())
        .expose_headers(limits)
}
