//! `GET /sandbox`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use paddock_model::sandbox::Detail;
use paddock_wire::api::sandbox::Sandbox;
use paddock_wire::api::sandbox_list::{ListSandboxesResponse, SandboxListItem};

use super::list_filter::ListFilter;
use super::list_order::{ListOrder, Place, SortField};
use crate::actions::list_sandboxes;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::{ListSandboxesQuery, Refusals, SandboxFilterQuery};
use crate::sdk_version::SdkVersion;
use crate::validate::query::Query;

/// Items of a page when the query does not say.
const DEFAULT_LIMIT: u32 = 100;

/// List sandboxes, a page at a time. SDKs before 0.190 that name neither cursor nor limit get the plain array they expect.
#[utoipa::path(
    get,
    path = "/sandbox",
    tag = "sandbox",
    operation_id = "listSandboxes",
    params(ListSandboxesQuery, SandboxFilterQuery),
    responses((status = 200, description = "One page", body = ListSandboxesResponse), Refusals),
    security(("bearer" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, ApiError> {
    let by_page = query.text("cursor").is_some() || query.text("limit").is_some();
    let wanted = Wanted::read(query)?;
    let organization = caller.key.organization;
    if !by_page && SdkVersion::of(&headers).is_some_and(SdkVersion::expects_plain_arrays) {
        let details = wanted.sorted(list_sandboxes::run(&app, organization).await?);
        let shown = details.into_iter().map(|it| Sandbox::new(it, &app.config.proxy_url));
        return Ok(Json(shown.collect::<Vec<_>>()).into_response());
    }
    let details = wanted.sorted(list_sandboxes::without_env(&app, organization).await?);
    Ok(Json(wanted.page(&app, details)).into_response())
}

struct Wanted {
    filter: ListFilter,
    order: ListOrder,
    limit: usize,
    after: Option<Place>,
}

impl Wanted {
    fn read(mut query: Query) -> Result<Self, ApiError> {
        let filter = ListFilter::read(&mut query);
        let order = ListOrder::read(&mut query, SortField::LastActivityAt);
        let limit = query.integer("limit", 1..=200).unwrap_or(DEFAULT_LIMIT) as usize;
        let cursor = query.text("cursor").map(str::to_owned);
        query.finish()?;
        let after = cursor.map(|cursor| order.parse_cursor(&cursor)).transpose()?;
        Ok(Self { filter, order, limit, after })
    }

    fn sorted(&self, mut details: Vec<Detail>) -> Vec<Detail> {
        details.retain(|detail| self.filter.matches(detail));
        self.order.sort(&mut details);
        details
    }

    fn page(&self, app: &App, mut details: Vec<Detail>) -> ListSandboxesResponse {
        if let Some(place) = &self.after {
            details.retain(|detail| self.order.is_after(detail, place));
        }
        let more = details.len() > self.limit;
        details.truncate(self.limit);
        let next_cursor = details.last().filter(|_| more).map(|last| self.order.cursor(last));
        let items = details.into_iter().map(|it| SandboxListItem::from(Sandbox::new(it, &app.config.proxy_url)));
        ListSandboxesResponse { items: items.collect(), next_cursor }
    }
}
