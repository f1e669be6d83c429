//! The container engine. Where nothing restarts it (no systemd) the test does, with the same arguments.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use paddock_tests::converge::{CONVERGENCE, Look, within};
use paddock_tests::processes::{self, Process};
use paddock_tests::stack::STACK;
use paddock_tests::{docker, turn};

use super::Survivor;

/// How long a service manager may take to restart it before the test does.
const SERVICE_MANAGER: Duration = Duration::from_secs(5);

#[tokio::test]
async fn killed_container_engine_comes_back_to_the_same_sandboxes() -> Result<()> {
    let _turn = turn::alone().await;
    let survivor = Survivor::make("kill-dockerd").await?;
    let before = survivor.container().await?;

    let dockerd = find().context("dockerd does not run on this machine")?;
    processes::kill_9(dockerd.pid)?;
    within(CONVERGENCE, "the engine is dead", || async {
        Ok(if processes::lives(dockerd.pid) { Look::NotYet("alive".to_owned()) } else { Look::Done(()) })
    })
    .await?;
    if answers(SERVICE_MANAGER).await.is_err() {
        start_again(&dockerd)?;
    }
    answers(CONVERGENCE).await?;

    survivor.comes_through().await?;
    ensure!(survivor.container().await?.id == before.id, "files live in the container: it must be the same");
    let another = Survivor::make("kill-dockerd").await.context("no new sandbox can be made")?;
    another.ends_well().await?;
    survivor.ends_well().await
}

fn find() -> Option<Process> {
    processes::all().into_iter().find(|process| process.exe.file_name().is_some_and(|name| name == "dockerd"))
}

async fn answers(bound: Duration) -> Result<()> {
    within(bound, "docker answers", || async { docker::docker(&["version"]).await.map(|_| Look::Done(())) }).await
}

/// In a session of its own, so that it outlives the test.
fn start_again(dockerd: &Process) -> Result<()> {
    let log =
        std::fs::File::options().create(true).append(true).open(STACK.state_dir().join("dockerd-restarted.log"))?;
    let mut command = Command::new("setsid");
    command.arg("--fork").arg(&dockerd.exe).args(&dockerd.arguments[1..]);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).status()?;
    Ok(())
}
