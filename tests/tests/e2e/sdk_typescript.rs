//! The TypeScript suite in `tests/sdk/typescript`, with `@daytona/sdk` from npm on Node.js.

use anyhow::Result;
use paddock_tests::{sdk, turn};
use tokio::process::Command;

#[tokio::test]
async fn npm() -> Result<()> {
    let _turn = turn::shared().await;
    let folder = sdk::typescript().await?;
    let mut command = Command::new("npm");
    command.args(["run", "--silent", "test"]).current_dir(folder);
    let output = sdk::run(sdk::with_credentials(&mut command)).await?;
    println!("{output}");
    Ok(())
}
