//! What happens to containers behind our back: the engine's own notices, and a check for those that were missed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use uuid::Uuid;

use super::{
    host::Host,
    registry::{Letter, Phase, Registry},
};
use crate::{
    engine::{Container, Died, labels::Role},
    network::firewall::Firewall,
};

const CHECK_EVERY: Duration = Duration::from_secs(10);
const ENGINE_AWAY: Duration = Duration::from_millis(500);
/// Checks in a row without an answer before a daemon counts as lost.
const SILENT_CHECKS: u32 = 3;
const CHECKS_AT_ONCE: usize = 16;

/// Passes deaths on to owners, for ever. After each time without notices everyone looks for themselves.
pub async fn watch_deaths(host: Arc<Host>, registry: Arc<Registry>) {
    loop {
        match host.engine.deaths(&host.deployment, &host.runner).await {
            Ok(mut deaths) => {
                for handle in registry.all() {
                    handle.send(Letter::Look);
                }
                while let Some(died) = deaths.next().await {
                    pass_on(&host, &registry, &died);
                }
                tracing::warn!("the container engine ended its notices");
            }
            Err(error) => tracing::warn!(%error, "no notices from the container engine"),
        }
        tokio::time::sleep(ENGINE_AWAY).await;
    }
}

fn pass_on(host: &Host, registry: &Registry, died: &Died) {
    let sandbox = match &died.labels.role {
        Role::Sandbox(labels) => Some(labels.sandbox),
        Role::Pause => {
            host.slots.forget(&died.id);
            host.slots.tenant(&died.id)
        }
    };
    // The owner looks: a late notice about an earlier run must not hit the present one.
    if let Some(handle) = sandbox.and_then(|sandbox| registry.get(sandbox)) {
        handle.send(Letter::Look);
    }
}

/// Checks all that should run, for ever.
pub async fn check(host: Arc<Host>, registry: Arc<Registry>, firewall: Option<Firewall>) {
    let mut silent = HashMap::new();
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        registry.sweep();
        if let Some(firewall) = &firewall
            && !firewall.in_force().await
        {
            tracing::error!("the firewall rules are gone; putting them back");
            if let Err(error) = firewall.apply().await {
                tracing::error!(%error, "they cannot be put back");
            }
        }
        match host.engine.list(&host.deployment, &host.runner).await {
            Ok(containers) => {
                check_containers(&registry, &containers);
                host.slots.sweep(&containers).await;
            }
            Err(error) => tracing::warn!(%error, "containers not checked"),
        }
        check_daemons(&host, &registry, &mut silent).await;
    }
}

/// Whoever believes to run without a running container and network shall look.
fn check_containers(registry: &Registry, containers: &[Container]) {
    let running: Vec<_> = containers.iter().filter(|container| container.running).collect();
    let is_up = |sandbox: Uuid| {
        let container = running.iter().find_map(|each| each.labels.sandbox().filter(|it| it.sandbox == sandbox));
        container.is_some_and(|labels| running.iter().any(|each| each.id == labels.pause))
    };
    for handle in registry.all() {
        let believes = matches!(handle.applied().borrow().phase, Phase::Running { .. });
        if believes && !is_up(handle.sandbox_id()) {
            handle.send(Letter::Look);
        }
    }
}

async fn check_daemons(host: &Host, registry: &Registry, silent: &mut HashMap<Uuid, u32>) {
    let running = registry.all().into_iter().filter_map(|handle| match handle.applied().borrow().phase {
        Phase::Running { addr } => Some((handle.clone(), addr)),
        _ => None,
    });
    let answers: Vec<_> = stream::iter(running)
        .map(|(handle, addr)| async move { (handle, host.daemons.version(addr).await.is_ok()) })
        .buffer_unordered(CHECKS_AT_ONCE)
        .collect()
        .await;
    let before = std::mem::take(silent);
    for (handle, answered) in answers {
        if answered {
            continue;
        }
        let times = before.get(&handle.sandbox_id()).copied().unwrap_or_default() + 1;
        if times >= SILENT_CHECKS {
            tracing::warn!(sandbox = %handle.sandbox_id(), "its daemon is silent");
            handle.send(Letter::DaemonSilent);
        } else {
            silent.insert(handle.sandbox_id(), times);
        }
    }
}
