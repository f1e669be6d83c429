//! What happens to containers behind our back: the engine's own notices, and a check for those that were missed.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream};
use uuid::Uuid;

use super::{
    daemon::DaemonError,
    host::Host,
    registry::{Handle, Letter, Phase, Registry},
};
use crate::engine::{Container, Died, labels::Role};

const CHECK_EVERY: Duration = Duration::from_secs(10);
const ENGINE_AWAY: Duration = Duration::from_millis(500);
/// Checks in a row without an answer before a daemon counts as lost.
const SILENT_CHECKS: u32 = 3;
const CHECKS_AT_ONCE: usize = 16;
/// So many daemons may be silent at once and still be at fault themselves; beyond, a tenth of all.
const SILENT_FLOOR: usize = 3;

/// Passes deaths on to owners, for ever. After each time without notices everyone looks for themselves.
pub async fn watch_deaths(host: Arc<Host>, registry: Arc<Registry>) {
    loop {
        match host.engine.deaths(&host.deployment, &host.runner).await {
            Ok(mut deaths) => {
                for handle in registry.all() {
                    handle.send(Letter::Look);
                }
                // The engine may have been restarted, and all stock ended with it.
                sweep(&host).await;
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

async fn sweep(host: &Host) {
    match host.engine.list(&host.deployment, &host.runner).await {
        Ok(containers) => host.slots.sweep(&containers).await,
        Err(error) => tracing::warn!(%error, "stock not checked"),
    }
}

fn pass_on(host: &Host, registry: &Registry, died: &Died) {
    let sandbox = match &died.labels.role {
        Role::Sandbox(labels) => Some(labels.sandbox),
        Role::Still => None,
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
pub async fn check(host: Arc<Host>, registry: Arc<Registry>) {
    let mut silent = BTreeMap::new();
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        registry.sweep();
        if let Some(firewall) = &host.firewall
            && let Err(error) = firewall.uphold().await
        {
            tracing::error!(%error, "the firewall rules are not in force: no sandbox is started");
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

async fn check_daemons(host: &Host, registry: &Registry, silent: &mut BTreeMap<Uuid, u32>) {
    let running = registry.all().into_iter().filter_map(|handle| match handle.applied().borrow().phase {
        Phase::Running { addr } => Some((handle.clone(), addr)),
        _ => None,
    });
    let answers: Vec<_> = stream::iter(running)
        .map(|(handle, addr)| async move { (handle, host.daemons.version(addr).await.map(drop)) })
        .buffer_unordered(CHECKS_AT_ONCE)
        .collect()
        .await;
    for handle in lost(answers, silent) {
        tracing::warn!(sandbox = %handle.sandbox_id(), "its daemon is silent");
        handle.send(Letter::DaemonSilent);
    }
}

/// Those whose daemon has now been silent for several rounds. `silent` counts them from one round to the next.
fn lost(answers: Vec<(Handle, Result<(), DaemonError>)>, silent: &mut BTreeMap<Uuid, u32>) -> Vec<Handle> {
    let checked = answers.len();
    let (silent_now, unasked): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .filter_map(|(handle, answer)| Some((handle, answer.err()?)))
        .partition(|(_, error)| error.is_the_daemons());
    if let Some((_, error)) = unasked.first() {
        tracing::error!(cause = error.cause(), unasked = unasked.len(), checked, "this agent cannot ask daemons");
    }
    if silent_now.len() > SILENT_FLOOR.max(checked / 10) {
        // So many at once are not all ill: it is this machine or this agent, and to stop them would make it worse.
        tracing::error!(silent = silent_now.len(), checked, "too many daemons are silent at once; none is given up");
        return Vec::new();
    }
    // Who could not be asked has neither answered nor been silent once more.
    let unasked: HashSet<Uuid> = unasked.iter().map(|(handle, _)| handle.sandbox_id()).collect();
    let before = std::mem::take(silent);
    silent.extend(before.iter().filter(|(sandbox, _)| unasked.contains(*sandbox)));
    let mut lost = Vec::new();
    for (handle, _) in silent_now {
        let times = before.get(&handle.sandbox_id()).copied().unwrap_or_default() + 1;
        if times >= SILENT_CHECKS {
            lost.push(handle);
        } else {
            silent.insert(handle.sandbox_id(), times);
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandboxes::registry::OwnerSeat;

    fn handles(count: usize) -> Vec<Handle> {
        let registry = Registry::new(|_seat: OwnerSeat| {});
        (0..count).map(|_| registry.get_or_seat(Uuid::new_v4())).collect()
    }

    /// A round in which the first `silent` of them give no good answer.
    fn round(handles: &[Handle], silent: usize) -> Vec<(Handle, Result<(), DaemonError>)> {
        let answer = |index| if index < silent { Err(DaemonError::Malformed) } else { Ok(()) };
        handles.iter().enumerate().map(|(index, handle)| (handle.clone(), answer(index))).collect()
    }

    #[test]
    fn a_daemon_that_is_silent_three_times_in_a_row_is_lost() {
        let (handles, mut silent) = (handles(5), BTreeMap::new());
        for _ in 0..2 {
            assert!(lost(round(&handles, 1), &mut silent).is_empty());
        }
        assert!(lost(round(&handles, 0), &mut silent).is_empty());
        for _ in 0..2 {
            assert!(lost(round(&handles, 1), &mut silent).is_empty());
        }
        let lost: Vec<_> = lost(round(&handles, 1), &mut silent).iter().map(Handle::sandbox_id).collect();
        assert_eq!(lost, [handles[0].sandbox_id()]);
    }

    #[test]
    fn many_at_once_are_not_given_up() {
        let (handles, mut silent) = (handles(50), BTreeMap::new());
        for _ in 0..10 {
            assert!(lost(round(&handles, 6), &mut silent).is_empty());
        }
        for _ in 0..2 {
            assert!(lost(round(&handles, 5), &mut silent).is_empty());
        }
        assert_eq!(lost(round(&handles, 5), &mut silent).len(), 5, "a tenth may be");
    }
}
