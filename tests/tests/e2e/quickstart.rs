//! The first sandbox, exactly as the README shows it.

use anyhow::{Context, Result, ensure};
use paddock_tests::stack::{STACK, repository};
use paddock_tests::{sdk, turn};
use tokio::process::Command;

#[tokio::test]
async fn the_readmes_first_sandbox_runs() -> Result<()> {
    let _turn = turn::shared().await;
    let python = sdk::python("newest").await?;
    let readme = std::fs::read_to_string(repository().join("README.md"))?;
    let shown = readme.lines().find(|line| line.ends_with("python examples/quickstart.py"));
    let shown = shown.context("the README shows how to run examples/quickstart.py")?;
    ensure!(shown.starts_with(". .paddock/env && "), "the README sources the env file: {shown}");

    // The stack under test may keep its state elsewhere.
    let line = shown.replace(".paddock/env", &STACK.env_file.to_string_lossy());
    let bin = python.parent().context("an interpreter is in a folder")?;
    let path = format!("{}:{}", bin.display(), std::env::var("PATH")?);
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(repository()).env("PATH", path);
    let output = sdk::run(command.env_remove("DAYTONA_API_URL").env_remove("DAYTONA_API_KEY")).await?;
    ensure!(output.contains("The sum is 5050"), "it printed: {output}");
    Ok(())
}
