//! `GET /snapshots`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_model::snapshot::Snapshot;
use paddock_wire::api::snapshot::{PaginatedSnapshots, SnapshotDto};

use crate::actions;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::{Refusals, SnapshotQuery};
use crate::validate::page::PageOf;
use crate::validate::query::Query;

/// List the snapshots that the organization may use.
#[utoipa::path(
    get,
    path = "/snapshots",
    tag = "snapshots",
    operation_id = "getAllSnapshots",
    params(SnapshotQuery),
    responses((status = 200, description = "One page", body = PaginatedSnapshots), Refusals),
    security(("bearer" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<PaginatedSnapshots>, ApiError> {
    let wanted = Wanted::read(&mut query);
    let page = PageOf::read(&mut query);
    query.finish()?;
    let mut snapshots = actions::list_snapshots::run(&app, caller.key.organization).await?;
    snapshots.retain(|snapshot| wanted.matches(snapshot));
    wanted.sort(&mut snapshots);
    let (snapshots, total, total_pages) = page.cut(snapshots);
    let items = snapshots.into_iter().map(|it| SnapshotDto::new(it, &app.config.region)).collect();
    Ok(Json(PaginatedSnapshots { items, total, page: page.page, total_pages }))
}

struct Wanted {
    name: Option<String>,
    of_sandbox: bool,
    by_name: bool,
    descending: bool,
}

impl Wanted {
    fn read(query: &mut Query) -> Self {
        let sorts = ["name", "state", "lastUsedAt", "createdAt"];
        let sort = query.word("sort", |word| sorts.contains(&word).then(|| word.to_owned()));
        let order = query.word("order", |word| ["asc", "desc"].contains(&word).then(|| word == "desc"));
        Self {
            name: query.text("name").map(str::to_lowercase),
            of_sandbox: query.text("sourceSandboxId").is_some(),
            by_name: sort.as_deref() == Some("name"),
            descending: order.unwrap_or(true),
        }
    }

    /// No snapshot is made from a sandbox yet.
    fn matches(&self, snapshot: &Snapshot) -> bool {
        let name = snapshot.name.to_lowercase();
        !self.of_sandbox && self.name.as_ref().is_none_or(|part| name.contains(part))
    }

    /// All are active and their use is not recorded yet: those two sorts are by age.
    fn sort(&self, snapshots: &mut [Snapshot]) {
        if self.by_name {
            snapshots.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        } else {
            snapshots.sort_by_key(|snapshot| (snapshot.created_at, snapshot.id));
        }
        if self.descending {
            snapshots.reverse();
        }
    }
}
