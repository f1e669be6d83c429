//! The real engine for tests: it must be there; tests that need it do not pass without it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use paddock_runner_agent::{
    engine::{Engine, Network, NetworkSpec, docker::DockerEngine},
    network,
};
use uuid::Uuid;

/// Docker, and the static daemon.
///
/// # Panics
/// When either is missing: `cargo xtask test` provides both.
pub async fn engine() -> (Arc<dyn Engine>, PathBuf) {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let engine = DockerEngine::connect(&host).await.expect("these tests need Docker (cargo xtask test starts it)");
    let target = format!("../target/{}-unknown-linux-gnu/daemon/paddock-daemon", std::env::consts::ARCH);
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
    let daemon = std::env::var_os("PADDOCK_DAEMON").map_or(built, PathBuf::from);
    let daemon = daemon.canonicalize().unwrap_or_else(|_| {
        panic!("these tests need the static daemon at {} (cargo xtask test builds it)", daemon.display())
    });
    (Arc::new(engine), daemon)
}

/// An image with nothing but the daemon and the directories it needs.
pub async fn image(engine: &Arc<dyn Engine>, daemon: &Path) -> String {
    let content = std::fs::read(daemon).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode) in [("tmp/", 0o1777), ("root/", 0o700), ("etc/", 0o755)] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(mode);
        header.set_cksum();
        tar.append_data(&mut header, path, std::io::empty()).unwrap();
    }
    let passwd: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n";
    for (path, content) in [("etc/passwd", passwd), ("pause", &content)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        tar.append_data(&mut header, path, content).unwrap();
    }
    let reference = "paddock-contract:test".to_owned();
    engine.import(&reference, Bytes::from(tar.into_inner().unwrap()), &["/pause", "pause"]).await.unwrap();
    reference
}

/// A network on any free subnet.
pub async fn any_network(engine: &Arc<dyn Engine>, deployment: &str, runner: Uuid) -> (NetworkSpec, Network) {
    network::ensure(engine, deployment, runner, None).await.unwrap()
}

/// Looks in a row that must find nothing: what the engine began for a runner may appear after one that did not see it.
const CLEAN_LOOKS: usize = 4;
/// Only a test that fails looks so often.
const MOST_LOOKS: usize = 240;

/// Removes all of a runner that a test leaves, whether it passed or not. Bind it before the runner, so that it is
/// dropped after it.
pub struct Cleanup(Uuid);

impl Cleanup {
    pub fn of(runner: Uuid) -> Self {
        Self(runner)
    }

    /// False while the engine still does something that the runner began.
    fn try_once(&self) -> bool {
        let label = format!("label=dev.paddock.runner={}", self.0);
        let listed = run("docker", &["ps", "-aq", "--filter", &label]);
        for id in listed.split_whitespace() {
            run("docker", &["rm", "-fv", id]);
        }
        let network = format!("paddock-{}", network::short(self.0));
        run("docker", &["network", "rm", &network]);
        let left = [
            run("docker", &["ps", "-aq", "--filter", &label]),
            run("docker", &["network", "ls", "-q", "--filter", &label]),
        ];
        left.iter().all(String::is_empty)
    }
}

impl Drop for Cleanup {
    #[expect(clippy::disallowed_methods, reason = "a drop cannot await, and no event says that nothing more will come")]
    fn drop(&mut self) {
        let mut clean = 0;
        for _ in 0..MOST_LOOKS {
            clean = if self.try_once() { clean + 1 } else { 0 };
            if clean == CLEAN_LOOKS {
                break;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        for family in ["inet", "bridge"] {
            run("nft", &["delete", "table", family, &format!("paddock_{}", network::short(self.0))]);
        }
        assert!(clean == CLEAN_LOOKS || std::thread::panicking(), "something of runner {} is left behind", self.0);
    }
}

pub fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
