//! `GET /sandbox/paginated`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::sandbox::Sandbox;
use paddock_wire::api::sandbox_list::PaginatedSandboxes;

use super::list_filter::ListFilter;
use super::list_order::{ListOrder, SortField};
use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::{PageQuery, Refusals, SandboxFilterQuery};
use crate::validate::page::PageOf;
use crate::validate::query::Query;

/// List sandboxes by page number, as SDKs to 0.160 do.
#[utoipa::path(
    get,
    path = "/sandbox/paginated",
    tag = "sandbox",
    operation_id = "listSandboxesPaginated",
    params(PageQuery, SandboxFilterQuery),
    responses((status = 200, description = "One page", body = PaginatedSandboxes), Refusals),
    security(("bearer" = []))
)]
pub async fn list_pages(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<PaginatedSandboxes>, ApiError> {
    let filter = ListFilter::read(&mut query);
    let order = ListOrder::read(&mut query, SortField::CreatedAt);
    let wanted = PageOf::read(&mut query);
    query.finish()?;
    let mut details = actions::list_sandboxes::run(&app, caller.key.organization).await?;
    details.retain(|detail| filter.matches(detail));
    order.sort(&mut details);
    let (details, total, total_pages) = wanted.cut(details);
    let items = details.into_iter().map(|it| Sandbox::new(it, &app.config.proxy_url)).collect();
    Ok(Json(PaginatedSandboxes { items, total, page: wanted.page, total_pages }))
}
