//! The daemon in a sandbox: the server, and the first process that watches over it.

use anyhow::{Result, ensure};
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::kill::server_of;
use paddock_tests::{processes, turn};
use tokio::time::Instant;

use super::Survivor;

#[tokio::test]
async fn killed_server_is_restarted_by_the_first_process() -> Result<()> {
    let _turn = turn::alone().await;
    let survivor = Survivor::make("kill-daemon-server").await?;
    let before = survivor.container().await?;

    let server = server_of(before.pid)?;
    let fault = Instant::now();
    processes::kill_9(server)?;
    within(PATIENCE, "another server", || async {
        let now = server_of(before.pid)?;
        Ok(if now == server { Look::NotYet("the old one".to_owned()) } else { Look::Done(()) })
    })
    .await?;

    survivor.comes_through(fault).await?;
    let after = survivor.container().await?;
    ensure!(after.started_at == before.started_at, "the container need not have been restarted");
    survivor.ends_well().await
}

#[tokio::test]
async fn killed_first_process_comes_back_with_the_files() -> Result<()> {
    let _turn = turn::alone().await;
    let survivor = Survivor::make("kill-daemon-init").await?;
    let before = survivor.container().await?;
    let fault = Instant::now();
    processes::kill_9(before.pid)?;
    within(PATIENCE, "it was started again", || async {
        let now = survivor.container().await?;
        let again = now.running && now.started_at != before.started_at;
        Ok(if again { Look::Done(()) } else { Look::NotYet(format!("running: {}", now.running)) })
    })
    .await?;
    survivor.comes_through(fault).await?;
    survivor.ends_well().await
}
