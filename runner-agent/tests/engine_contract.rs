//! One test for both engines: the fake must be as strict as the real one.

mod support;

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures::StreamExt;
use paddock_runner_agent::{
    engine::{
        Container, ContainerSpec, Engine, EngineError, Kind, Limits, Mount, SandboxSpec,
        fake::FakeEngine,
        labels::{Labels, Role, SandboxLabels, Size},
    },
    readiness::{INSIDE_DIR, ReadyDoor, SOCKET_NAME},
    sandboxes::daemon::{DaemonClient, DaemonError, Daemons},
};
use paddock_wire::work::Env;
use support::docker::{self, Cleanup};
use uuid::Uuid;

struct Subject {
    engine: Arc<dyn Engine>,
    daemon: PathBuf,
    image: String,
    deployment: String,
    runner: Uuid,
    state: tempfile::TempDir,
}

#[tokio::test]
async fn the_fake_engine_keeps_the_contract() {
    let subject = Subject {
        engine: Arc::new(FakeEngine::new(&["image:1"])),
        daemon: PathBuf::from("/nowhere"),
        image: "image:1".to_owned(),
        deployment: Uuid::new_v4().to_string(),
        runner: Uuid::new_v4(),
        state: tempfile::tempdir().unwrap(),
    };
    keeps_the_contract(&subject).await;
}

#[tokio::test]
async fn docker_keeps_the_contract() {
    let (engine, daemon) = docker::engine().await;
    let runner = Uuid::new_v4();
    let _cleanup = Cleanup::of(runner);
    let subject = Subject {
        image: docker::image(&engine, &daemon).await,
        engine,
        daemon,
        deployment: Uuid::new_v4().to_string(),
        runner,
        state: tempfile::tempdir().unwrap(),
    };
    keeps_the_contract(&subject).await;
}

impl Subject {
    fn labels(&self, address: std::net::Ipv4Addr, role: Role) -> Labels {
        Labels { deployment: self.deployment.clone(), runner: self.runner.to_string(), address, role }
    }

    fn pause(&self, network: &str, address: std::net::Ipv4Addr) -> ContainerSpec {
        ContainerSpec {
            name: format!("paddock-{}-net", Uuid::new_v4()),
            labels: self.labels(address, Role::Pause),
            image: self.image.clone(),
            kind: Kind::Pause { network: network.to_owned(), address },
        }
    }

    fn sandbox(&self, id: Uuid, pause: &str, address: std::net::Ipv4Addr) -> ContainerSpec {
        let labels = SandboxLabels {
            sandbox: id,
            epoch: 3,
            pause: pause.to_owned(),
            size: Size { cpu: 1, memory_gib: 1, disk_gib: 1 },
            env_digest: "digest".to_owned(),
        };
        let mount = |source: PathBuf, target: &str| Mount { source, target: target.to_owned() };
        let socket = format!("{INSIDE_DIR}/{SOCKET_NAME}");
        ContainerSpec {
            name: format!("paddock-{id}"),
            labels: self.labels(address, Role::Sandbox(labels)),
            image: self.image.clone(),
            kind: Kind::Sandbox(Box::new(SandboxSpec {
                pause: pause.to_owned(),
                env: Env::from([
                    ("DAYTONA_SANDBOX_ID".to_owned(), id.to_string()),
                    ("PADDOCK_READY_SOCKET".to_owned(), socket),
                ]),
                mounts: vec![
                    mount(self.daemon.clone(), "/usr/local/bin/daytona"),
                    mount(self.state.path().to_owned(), INSIDE_DIR),
                ],
                cpu: 1,
                memory_gib: 1,
            })),
        }
    }

    async fn look(&self, id: &str) -> Container {
        self.engine.inspect(id).await.unwrap().expect("the container is there")
    }
}

async fn keeps_the_contract(subject: &Subject) {
    let engine = &subject.engine;
    assert!(engine.probe().await.unwrap().cpus > 0);
    assert!(engine.images().await.unwrap().contains(&subject.image));
    assert_eq!(engine.image("paddock-nowhere:1").await.unwrap(), None);
    let network = docker::any_network(engine, &subject.deployment, subject.runner).await;
    let address = network.1.subnet.hosts().nth(9).unwrap();

    let spec = subject.pause(&network.0.name, address);
    let pause = engine.create(&spec).await.unwrap();
    assert!(matches!(engine.create(&spec).await, Err(EngineError::Conflict(_))), "names are unique");
    let id = Uuid::new_v4();
    let sandbox = engine.create(&subject.sandbox(id, &pause, address)).await.unwrap();
    assert!(engine.start(&sandbox).await.is_err(), "there is no network to join yet");
    engine.start(&pause).await.unwrap();

    let mut door = ReadyDoor::open(subject.state.path()).unwrap();
    engine.start(&sandbox).await.unwrap();
    engine.start(&sandbox).await.unwrap();
    tokio::time::timeout(support::PATIENCE, door.knocks.changed()).await.expect("a knock").unwrap();
    let seen = subject.look(&format!("paddock-{id}")).await;
    assert_eq!((seen.id.as_str(), seen.running), (sandbox.as_str(), true));
    assert_eq!(seen.labels.sandbox().map(|labels| (labels.sandbox, labels.epoch)), Some((id, 3)));
    let daemons = DaemonClient::new().unwrap();
    let addr = seen.daemon.expect("it runs");
    let version = patiently(|| daemons.version(addr)).await;
    assert_eq!(version, door.knocks.borrow().version);
    let env = Env::from([("A".to_owned(), "1".to_owned())]);
    patiently(|| daemons.set_env(addr, &env)).await;

    freezes_and_resizes(subject, &sandbox).await;

    let mut deaths = engine.deaths(&subject.deployment, &subject.runner.to_string()).await.unwrap();
    engine.stop(&sandbox, Duration::from_secs(10)).await.unwrap();
    engine.stop(&sandbox, Duration::ZERO).await.unwrap();
    let died = tokio::time::timeout(support::PATIENCE, deaths.next()).await.expect("a notice").unwrap();
    assert_eq!((died.id.as_str(), died.exit_code), (sandbox.as_str(), Some(0)), "it ended as it was asked to");
    let seen = subject.look(&sandbox).await;
    assert_eq!((seen.running, seen.daemon, seen.pid), (false, None, None));

    door.knocks.mark_unchanged();
    engine.start(&sandbox).await.unwrap();
    tokio::time::timeout(support::PATIENCE, door.knocks.changed()).await.expect("a knock again").unwrap();
    lists_and_removes(subject, &pause, &sandbox).await;
}

/// What is frozen counts as running, keeps its files' place, and goes on.
async fn freezes_and_resizes(subject: &Subject, sandbox: &str) {
    let engine = &subject.engine;
    let image = engine.image(&subject.image).await.unwrap().unwrap();
    let seen = subject.look(sandbox).await;
    assert!(seen.image == image.id && image.id.starts_with("sha256:") && !seen.paused, "{seen:?}");
    for _ in 0..2 {
        engine.pause(sandbox).await.unwrap();
        let seen = subject.look(sandbox).await;
        assert!(seen.paused && seen.running && seen.daemon.is_some());
    }
    let listed = engine.list(&subject.deployment, &subject.runner.to_string()).await.unwrap();
    let listed = listed.iter().find(|container| container.id == sandbox).unwrap();
    assert!(listed.paused && listed.running);
    for _ in 0..2 {
        engine.unpause(sandbox).await.unwrap();
        let seen = subject.look(sandbox).await;
        assert!(!seen.paused && seen.running);
    }
    engine.update(sandbox, Limits { cpu: 2, memory_gib: 2 }).await.unwrap();
    let dir = engine.upper_dir(sandbox).await.unwrap().expect("files as overlayfs keeps them");
    assert!(dir.is_dir());
    engine.pause(sandbox).await.unwrap();
    engine.stop(sandbox, Duration::from_secs(10)).await.unwrap();
    assert!(!subject.look(sandbox).await.running, "what is frozen can be stopped");
    assert!(engine.pause(sandbox).await.is_err(), "what does not run cannot be frozen");
    engine.start(sandbox).await.unwrap();
}

/// Asks until there is an answer: the runner gives a daemon two seconds, which a busy machine may take away.
async fn patiently<T, F: Future<Output = Result<T, DaemonError>>>(ask: impl Fn() -> F) -> T {
    let answered = async {
        loop {
            if let Ok(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(support::PATIENCE, answered).await.expect("the daemon answers")
}

async fn lists_and_removes(subject: &Subject, pause: &str, sandbox: &str) {
    let engine = &subject.engine;
    let runner = subject.runner.to_string();
    let mut listed: Vec<_> = engine.list(&subject.deployment, &runner).await.unwrap();
    listed.sort_by_key(|container| container.labels.sandbox().is_some());
    let ids: Vec<_> = listed.iter().map(|container| container.id.as_str()).collect();
    assert_eq!(ids, [pause, sandbox]);
    assert!(listed.iter().all(|container| container.running));
    assert!(engine.list("another deployment", &runner).await.unwrap().is_empty());
    assert!(engine.list(&subject.deployment, "another runner").await.unwrap().is_empty());

    let name = format!("paddock-{}-net", Uuid::new_v4());
    engine.rename(pause, &name).await.unwrap();
    assert_eq!(subject.look(&name).await.id, pause);
    engine.remove(sandbox).await.unwrap();
    engine.remove(sandbox).await.unwrap();
    engine.stop(sandbox, Duration::ZERO).await.unwrap();
    engine.remove(pause).await.unwrap();
    assert_eq!(engine.inspect(sandbox).await.unwrap(), None);
    assert!(engine.list(&subject.deployment, &runner).await.unwrap().is_empty());
}
