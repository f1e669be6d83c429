//! Ask the engine what there is of a sandbox.

use uuid::Uuid;

use super::{Failure, run::name_host};
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
    let Some(container) = host.find(&container_name(sandbox)).await? else { return Ok(None) };
    let Some(seen) = seen(&container) else { return Ok(None) };
    // An agent that ended just after the container's start has not named it.
    name_host(sandbox, &container).await;
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
    Some(Seen {
        body,
        address: container.daemon,
        frozen: container.paused,
        network_runs: true,
        last_words: last_words(container),
    })
}

fn last_words(container: &Container) -> String {
    let code = container.exit_code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
    if container.out_of_memory {
        format!("out of memory (exit code {code})")
    } else {
        format!("its first process ended with exit code {code}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{ContainerSpec, Engine, EngineError, Kind, SandboxSpec, fake::FakeEngine, labels},
        sandboxes::{actions::end, host::tests::host},
    };

    /// A container under the name of the sandbox, made by `runner`.
    async fn container(engine: &FakeEngine, runner: &str, sandbox: Uuid, slot: &Slot) -> Result<String, EngineError> {
        let labels = labels::SandboxLabels {
            sandbox,
            epoch: 1,
            pause: slot.pause.clone(),
            size: labels::Size::default(),
            env_digest: String::new(),
        };
        let spec = ContainerSpec {
            name: container_name(sandbox),
            labels: labels::Labels {
                deployment: "test".to_owned(),
                runner: runner.to_owned(),
                address: slot.address,
                role: labels::Role::Sandbox(labels),
            },
            image: "image:1".to_owned(),
            kind: Kind::Sandbox(Box::new(SandboxSpec {
                pause: slot.pause.clone(),
                env: paddock_wire::work::Env::new(),
                mounts: Vec::new(),
                cpu: 1,
                memory_gib: 1,
            })),
        };
        engine.create(&spec).await
    }

    #[tokio::test]
    async fn a_container_of_another_runner_is_neither_seen_nor_removed() {
        let engine = FakeEngine::new(&["image:1"]);
        let state = tempfile::tempdir().unwrap();
        let host = host(&engine, state.path()).await;
        let (ours, theirs) = (Uuid::new_v4(), Uuid::new_v4());
        let slot = host.slots.take(ours).await.unwrap();
        container(&engine, &host.runner, ours, &slot).await.unwrap();
        container(&engine, "another", theirs, &slot).await.unwrap();
        assert!(look(&host, ours).await.unwrap().is_some());
        assert!(look(&host, theirs).await.unwrap().is_none());
        for sandbox in [ours, theirs] {
            end::remove_lost(&host, sandbox, 1).await.unwrap();
        }
        assert!(engine.inspect(&container_name(ours)).await.unwrap().is_none());
        assert!(engine.inspect(&container_name(theirs)).await.unwrap().is_some());
    }
}
