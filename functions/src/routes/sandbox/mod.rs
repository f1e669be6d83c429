//! `/sandbox`, one file per operation.

pub mod ancestors;
pub mod archive;
pub mod back_up;
pub mod create;
pub mod create_snapshot;
pub mod delete;
pub mod fork;
pub mod forks;
pub mod get;
pub mod last_activity;
pub mod list;
mod list_filter;
mod list_order;
pub mod list_pages;
pub mod parent;
pub mod pause;
pub mod recover;
pub mod resize;
pub mod set_auto_archive;
pub mod set_auto_delete;
pub mod set_auto_pause;
pub mod set_auto_stop;
pub mod set_labels;
pub mod set_public;
pub mod set_ttl;
pub mod start;
pub mod stop;
pub mod toolbox_proxy_url;

use axum::Json;
use paddock_model::sandbox::Detail;
use paddock_wire::api::sandbox::Sandbox;

use crate::app::App;

/// A sandbox as the wire shows it.
fn shown(app: &App, detail: Detail) -> Json<Sandbox> {
    Json(Sandbox::new(detail, &app.config.proxy_url))
}
