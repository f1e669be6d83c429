//! An agent joins: it gets an identity, a token, a queue, and the key for what is sealed to it.

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paddock_model::{
    id::RunnerId,
    placement::Room,
    runner::{Load, Role, Runner},
    time::Timestamp,
};
use paddock_wire::agents::{Capacity, Register, RegisterProof, Registered, Role as WireRole, register_proof_text};

use super::{Error, top_up_pool};
use crate::{
    app::App,
    seal::{random_hex, same_text, sha256_hex},
};

/// Seconds between heartbeats; three missed ones make a runner unresponsive.
const HEARTBEAT_SECONDS: u64 = 10;

/// How far an agent's clock may be off when it proves who it is.
const PROOF_LEEWAY: Duration = Duration::from_secs(300);

/// Registers who shows the join token. An agent that comes back, and proves that it is the one, keeps its id; its earlier
/// token ends.
pub async fn run(app: &App, join_token: &str, register: Register) -> Result<Registered, Error> {
    if !same_text(&sha256_hex(join_token), &app.config.join_token_sha256) {
        return Err(Error::InvalidAgentToken);
    }
    check(app, &register)?;
    let id = register.runner_id.map_or_else(RunnerId::random, RunnerId);
    let known = app.store.runner(id).await?;
    let now = app.now();
    // The answer opens the queue and all that is sealed for it, and ends the token of whoever has the id now.
    if let Some(known) = known.as_ref().filter(|known| !known.dead)
        && !is_proven(known, register.proof.as_ref(), now)
    {
        return Err(Error::AgentNotProven(id));
    }
    let queue_url = app.queue.create(id).await?;
    let token = format!("{id}.{}", random_hex());
    let images = register.images.clone();
    let runner = Runner {
        id,
        name: register.name,
        region: register.region,
        role: role(register.role),
        version: register.version,
        relay_url: register.relay_url,
        ticket_key: register.ticket_key,
        capacity: room(register.capacity),
        capabilities: register.capabilities,
        queue_url: queue_url.clone(),
        token_sha256: sha256_hex(&token),
        dead: false,
        unschedulable: false,
        draining: false,
        created_at: known.map_or(now, |known| known.created_at),
        updated_at: now,
    };
    app.store.put_runner(&runner).await?;
    // What it holds it says with its first heartbeat; until then its last word stands.
    let allocated = app.store.loads(&[id]).await?.pop().map_or_else(Room::default, |load| load.allocated);
    app.store.put_load(&Load { id, allocated, images, heartbeat_at: now }).await?;
    if runner.holds_sandboxes() {
        top_up(app).await;
    }
    Ok(Registered {
        runner_id: id.0,
        deployment: app.config.deployment.clone(),
        token,
        queue_url,
        env_key: STANDARD.encode(app.sealer.runner_key(id)),
        heartbeat_seconds: HEARTBEAT_SECONDS,
    })
}

/// Whoever asks holds the private key that the agent registered its tickets with.
fn is_proven(known: &Runner, proof: Option<&RegisterProof>, now: Timestamp) -> bool {
    let Some(RegisterProof { at, signature }) = proof else { return false };
    let signed = Timestamp(i64::try_from(at.saturating_mul(1000)).unwrap_or(i64::MAX));
    let off = now.since(signed).max(signed.since(now));
    let (Ok(key), Ok(signature)) = (STANDARD.decode(&known.ticket_key), STANDARD.decode(signature)) else {
        return false;
    };
    let text = register_proof_text(known.id.0, *at);
    off <= PROOF_LEEWAY && UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &signature).is_ok()
}

/// There is room now that was not there before. Its work waits in the queue until it polls.
async fn top_up(app: &App) {
    let pools = match app.store.pools().await {
        Ok(pools) => pools,
        Err(error) => return tracing::warn!(%error, "pools not topped up; the sweep will"),
    };
    for pool in pools {
        if let Err(error) = top_up_pool::run(app, &pool.id).await {
            tracing::warn!(pool = pool.id, %error, "pool not topped up; the sweep will");
        }
    }
}

fn check(app: &App, register: &Register) -> Result<(), Error> {
    if register.region != app.config.region {
        return Err(Error::RegionNotFound(register.region.clone()));
    }
    let key = STANDARD.decode(&register.ticket_key);
    if key.is_ok_and(|key| key.len() == 32) {
        Ok(())
    } else {
        Err(Error::Invalid("ticket_key must be 32 bytes in base64".to_owned()))
    }
}

fn role(role: WireRole) -> Role {
    match role {
        WireRole::Edge => Role::Edge,
        WireRole::Runner => Role::Runner,
        WireRole::Both => Role::Both,
    }
}

pub(super) fn room(capacity: Capacity) -> Room {
    let Capacity { cpu, memory_gib, disk_gib, sandboxes } = capacity;
    Room { cpu, memory_gib, disk_gib, sandboxes }
}
