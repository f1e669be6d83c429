//! `/regions` and `/shared-regions`: the one region of this deployment.

pub mod get;
pub mod list;
pub mod list_shared;

use paddock_model::time::Timestamp;
use paddock_wire::api::region::{Region, RegionType};

use crate::app::App;

/// A region is configuration, not an item: it has no birth, and the wire wants one.
fn shown(app: &App) -> Region {
    let config = &app.config;
    Region {
        id: config.region.clone(),
        name: config.region.clone(),
        region_type: RegionType::Shared,
        created_at: Timestamp(0).into(),
        updated_at: Timestamp(0).into(),
        proxy_url: Some(config.proxy_url.clone()),
        ssh_gateway_url: None,
    }
}
