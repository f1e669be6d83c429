//! A runner's sign of life: its load, and whether it holds what the table says.

use std::time::Duration;

use paddock_model::runner::{Load, Runner};
use paddock_wire::agents::{EdgeKey, Heartbeat, HeartbeatAnswer, inventory_lines};

use super::{Error, place, register_agent::room};
use crate::{app::App, seal::sha256_hex};

/// The tickets of an edge that has been silent longer are not trusted any more.
const TRUSTED_FOR: Duration = Duration::from_secs(600);

/// Notes it, compares inventories by digest, and tells whose tickets are good.
pub async fn run(app: &App, runner: &Runner, heartbeat: Heartbeat) -> Result<HeartbeatAnswer, Error> {
    let Heartbeat { allocated, inventory_digest, images } = heartbeat;
    let load = Load { id: runner.id, allocated: room(allocated), images, heartbeat_at: app.now() };
    app.store.put_load(&load).await?;
    let send_inventory = runner.holds_sandboxes() && {
        let owned = app.store.owned_by(runner.id).await?;
        sha256_hex(&inventory_lines(owned.into_iter().map(|(id, epoch)| (id.0, epoch)))) != inventory_digest
    };
    let fleet = place::fleet(app, &runner.region).await?;
    let now = app.now();
    let edges = fleet
        .iter()
        .filter(|(agent, load)| agent.is_edge() && !agent.dead && now.since(load.heartbeat_at) <= TRUSTED_FOR);
    let edges = edges.map(|(agent, _)| EdgeKey { id: agent.id.0, ticket_key: agent.ticket_key.clone() });
    Ok(HeartbeatAnswer { send_inventory, edges: edges.collect() })
}
