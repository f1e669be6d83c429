//! The container engine. Its keeper restarts it: the stack that started it, or systemd; where it has none the test does,
//! with the same arguments.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use paddock_tests::converge::PATIENCE;
use paddock_tests::processes::Process;
use paddock_tests::stack::STACK;
use paddock_tests::{docker, kill, turn};
use tokio::time::Instant;

use super::Survivor;

/// How long a service manager may take to restart an engine that the stack did not start, before the test does.
const SERVICE_MANAGER: Duration = Duration::from_secs(20);

/// No container comes or goes for so long: the pool and the stock of networks are full. On a busy machine one start may
/// take seconds in which nothing is to be seen.
const REST: Duration = Duration::from_secs(10);

#[tokio::test]
async fn killed_container_engine_comes_back_to_the_same_sandboxes() -> Result<()> {
    let _turn = turn::alone().await;
    let survivor = Survivor::make("kill-dockerd").await?;
    let before = survivor.container().await?;

    at_rest().await?;
    spare_others().await?;
    let dockerd = kill::dockerd().context("dockerd does not run on this machine")?;
    let fault = Instant::now();
    kill::engine(&dockerd).await?;
    // A second engine beside the one that the stack is restarting would win the race and outlive the stack.
    if !kill::dockerd_is_kept() && kill::engine_answers(SERVICE_MANAGER).await.is_err() {
        start_again(&dockerd)?;
    }
    kill::engine_answers(PATIENCE).await?;

    survivor.comes_through(fault).await?;
    ensure!(survivor.container().await?.id == before.id, "files live in the container: it must be the same");
    let another = Survivor::make("kill-dockerd").await.context("no new sandbox can be made")?;
    another.ends_well().await?;
    survivor.ends_well().await
}

/// Docker 20 that dies in the middle of a start may count an endpoint of that network for ever, and then refuses to
/// remove the network until it is restarted once more. That is not for us to test.
async fn at_rest() -> Result<()> {
    let filter = format!("label=dev.paddock.deployment={}", deployment()?);
    let mut last = (String::new(), Instant::now());
    while last.1.elapsed() < REST {
        let now = docker::docker(&["ps", "-a", "--filter", &filter, "--format", "{{.ID}} {{.State}}"]).await?;
        if now != last.0 {
            last = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// An engine without --live-restore ends all its containers when it comes back, also those of whoever runs the tests.
async fn spare_others() -> Result<()> {
    let ours =
        docker::docker(&["ps", "-q", "--filter", &format!("label=dev.paddock.deployment={}", deployment()?)]).await?;
    let all = docker::docker(&["ps", "-q"]).await?;
    ensure!(
        all.lines().count() == ours.lines().count(),
        "containers that are not of this stack run in this engine, and killing it may end them: stop them for this test"
    );
    Ok(())
}

fn deployment() -> Result<&'static str> {
    STACK.env.get("PADDOCK_DEPLOYMENT").map(String::as_str).context("the env file names the deployment")
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
