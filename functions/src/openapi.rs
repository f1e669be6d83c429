//! The description of the public API, generated from the handlers.
//!
//! `functions/openapi.json` is the reviewed copy; a test compares. After a wanted change: `cargo test -p
//! paddock-functions --test openapi` says how to write it anew.

use paddock_wire::api::error::ErrorResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

use crate::routes::{api_key, organization, public, region, runner, sandbox, snapshot};

/// The description, as it is committed.
pub fn json() -> String {
    let mut text = ApiDescription::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Paddock", description = "Sandboxes for code, compatible with the Daytona SDKs."),
    servers((url = "/api")),
    modifiers(&Bearer),
    paths(
        api_key::list::list,
        api_key::create::create,
        api_key::current::current,
        api_key::get::get,
        api_key::delete::delete,
        api_key::delete_for_user::delete_for_user,
        public::config::config,
        public::health::health,
        public::ready::ready,
        organization::list::list,
        organization::get::get,
        region::list::list,
        region::get::get,
        runner::list::list,
        runner::get::get,
        runner::delete::delete,
        runner::set_draining::set_draining,
        runner::set_scheduling::set_scheduling,
        sandbox::list::list,
        sandbox::create::create,
        sandbox::list_pages::list_pages,
        sandbox::get::get,
        sandbox::delete::delete,
        sandbox::ancestors::ancestors,
        sandbox::archive::archive,
        sandbox::set_auto_archive::set_auto_archive,
        sandbox::set_auto_delete::set_auto_delete,
        sandbox::set_auto_pause::set_auto_pause,
        sandbox::set_auto_stop::set_auto_stop,
        sandbox::back_up::back_up,
        sandbox::fork::fork,
        sandbox::forks::forks,
        sandbox::set_labels::set_labels,
        sandbox::last_activity::last_activity,
        sandbox::parent::parent,
        sandbox::pause::pause,
        sandbox::set_public::set_public,
        sandbox::recover::recover,
        sandbox::resize::resize,
        sandbox::create_snapshot::create_snapshot,
        sandbox::start::start,
        sandbox::stop::stop,
        sandbox::set_ttl::set_ttl,
        sandbox::toolbox_proxy_url::toolbox_proxy_url,
        region::list_shared::list_shared,
        snapshot::list::list,
        snapshot::get::get,
        snapshot::delete::delete,
    )
)]
struct ApiDescription;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("API key")).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// What every operation may refuse with.
#[derive(IntoResponses)]
pub enum Refusals {
    /// The request is wrong, or not possible in this state, or exceeds a quota.
    #[response(status = 400)]
    Invalid(ErrorResponse),
    /// No usable credentials.
    #[response(status = 401)]
    Unauthenticated(ErrorResponse),
    /// Not allowed.
    #[response(status = 403)]
    Forbidden(ErrorResponse),
    /// Not there, or another organization's.
    #[response(status = 404)]
    NotFound(ErrorResponse),
    /// A name is taken, or another change is under way.
    #[response(status = 409)]
    Conflict(ErrorResponse),
    /// The body has more bytes than are read.
    #[response(status = 413)]
    TooLarge(ErrorResponse),
    /// Too many requests.
    #[response(status = 429)]
    RateLimited(ErrorResponse),
    /// Not now.
    #[response(status = 503)]
    Unavailable(ErrorResponse),
}

/// Query of `GET /sandbox`, beside the filter.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "only described here; validate::query reads it leniently")]
pub struct ListSandboxesQuery {
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 200, default 100.
    limit: Option<u32>,
    /// `name`, `cpu`, `memoryGib`, `diskGib`, `lastActivityAt` (default), `createdAt`.
    sort: Option<String>,
    /// `asc` or `desc` (default).
    order: Option<String>,
}

/// Which sandboxes a list shows, in either form of list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "only described here; validate::query reads it leniently")]
pub struct SandboxFilterQuery {
    /// Prefix of the id.
    id: Option<String>,
    /// Prefix of the name.
    name: Option<String>,
    /// JSON object; all must match.
    labels: Option<String>,
    /// Show those in error that are being deleted.
    include_errored_deleted: Option<bool>,
    states: Option<Vec<String>>,
    /// Names.
    snapshots: Option<Vec<String>>,
    region_ids: Option<Vec<String>>,
    /// As `regionIds`, for older SDKs.
    regions: Option<Vec<String>>,
    sandbox_classes: Option<Vec<String>>,
    min_cpu: Option<u32>,
    max_cpu: Option<u32>,
    #[param(rename = "minMemoryGiB")]
    min_memory_gib: Option<u32>,
    #[param(rename = "maxMemoryGiB")]
    max_memory_gib: Option<u32>,
    #[param(rename = "minDiskGiB")]
    min_disk_gib: Option<u32>,
    #[param(rename = "maxDiskGiB")]
    max_disk_gib: Option<u32>,
    min_gpu: Option<u32>,
    max_gpu: Option<u32>,
    is_public: Option<bool>,
    is_recoverable: Option<bool>,
    created_at_after: Option<String>,
    created_at_before: Option<String>,
    last_event_after: Option<String>,
    last_event_before: Option<String>,
    auto_destroy_at_after: Option<String>,
    auto_destroy_at_before: Option<String>,
}

/// Query of `GET /sandbox/paginated`, beside the filter.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "only described here; validate::query reads it leniently")]
pub struct PageQuery {
    /// From 1.
    page: Option<u32>,
    /// 1 to 200, default 100.
    limit: Option<u32>,
    /// `id`, `name`, `state`, `snapshot`, `region`, `updatedAt`, `createdAt` (default), `lastActivityAt`.
    sort: Option<String>,
    /// `asc` or `desc` (default).
    order: Option<String>,
}

/// Query of `GET /snapshots`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "only described here; validate::query reads it leniently")]
pub struct SnapshotQuery {
    /// From 1.
    page: Option<u32>,
    /// 1 to 200, default 100.
    limit: Option<u32>,
    /// Part of the name.
    name: Option<String>,
    /// Only those made from this sandbox.
    source_sandbox_id: Option<String>,
    /// `name`, `state`, `lastUsedAt`, `createdAt`.
    sort: Option<String>,
    /// `asc` or `desc` (default).
    order: Option<String>,
}
