//! The container that holds a sandbox's network. Without it the sandbox cannot be reached, so it is made anew and
//! the sandbox joins it.

use anyhow::{Result, ensure};
use paddock_tests::{processes, turn};

use super::Survivor;

#[tokio::test]
async fn killed_pause_container_is_replaced_under_the_sandbox() -> Result<()> {
    let _turn = turn::alone().await;
    let survivor = Survivor::make("kill-pause").await?;
    let before = (survivor.container("sandbox").await?, survivor.container("pause").await?);
    processes::kill_9(before.1.pid)?;
    survivor.comes_through().await?;
    ensure!(survivor.container("sandbox").await?.id == before.0.id, "files live in the container: it must be the same");
    ensure!(survivor.container("pause").await?.started_at != before.1.started_at, "the network was never down");
    survivor.ends_well().await
}
