//! Ask the engine what there is of a sandbox.

use uuid::Uuid;

use super::Failure;
use crate::{
    engine::{Container, labels::container_name},
    network::slots::Slot,
    sandboxes::{
        host::Host,
        state::{Body, Seen},
    },
};

/// The sandbox's container, if there is one, and whether its network is alive.
///
/// # Errors
/// When the engine does not say.
pub async fn look(host: &Host, sandbox: Uuid) -> Result<Option<Seen>, Failure> {
    let Some(container) = host.engine.inspect(&container_name(sandbox)).await? else { return Ok(None) };
    let Some(seen) = seen(&container) else { return Ok(None) };
    let pause = host.engine.inspect(&seen.body.slot.pause).await?;
    Ok(Some(Seen { network_runs: pause.is_some_and(|pause| pause.running), ..seen }))
}

fn seen(container: &Container) -> Option<Seen> {
    let labels = container.labels.sandbox()?;
    let body = Body {
        container: container.id.clone(),
        slot: Slot { pause: labels.pause.clone(), address: container.labels.address },
        epoch: labels.epoch,
        size: labels.size,
        env_digest: labels.env_digest.clone(),
    };
    Some(Seen { body, address: container.daemon, network_runs: true, last_words: last_words(container) })
}

fn last_words(container: &Container) -> String {
    let code = container.exit_code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
    if container.out_of_memory {
        format!("out of memory (exit code {code})")
    } else {
        format!("its first process ended with exit code {code}")
    }
}
