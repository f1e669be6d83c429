//! The container that holds a sandbox's network. Without it the sandbox cannot be reached, so it is made anew and
//! the sandbox joins it.

use anyhow::Result;
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::{processes, turn};
use tokio::time::Instant;

use super::Survivor;

#[tokio::test]
async fn killed_pause_container_is_replaced_under_the_sandbox() -> Result<()> {
    let _turn = turn::alone().await;
    let survivor = Survivor::make("kill-pause").await?;
    let before = survivor.pause().await?;
    let fault = Instant::now();
    processes::kill_9(before.pid)?;
    within(PATIENCE, "another network", || async {
        let now = survivor.pause().await?;
        let same = (now.pid, &now.started_at) == (before.pid, &before.started_at);
        Ok(if same || !now.running { Look::NotYet(format!("{} {}", now.id, now.started_at)) } else { Look::Done(()) })
    })
    .await?;
    survivor.comes_through(fault).await?;
    survivor.ends_well().await
}
