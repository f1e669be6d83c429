//! The first sandbox, exactly as the README shows it.

use anyhow::{Context, Result, ensure};
use paddock_tests::stack::{STACK, repository};
use paddock_tests::{sdk, turn};
use tokio::process::Command;

#[tokio::test]
async fn the_readmes_first_sandbox_runs() -> Result<()> {
    let _turn = turn::shared().await;
    let readme = std::fs::read_to_string(repository().join("README.md"))?;
    let (_, section) = readme.split_once("## The first sandbox").context("the README shows the first sandbox")?;
    let shown = section.split("```").nth(1).and_then(|block| block.strip_prefix("sh\n")).context("in a shell block")?;
    // The stack is up already, and may keep its state elsewhere.
    let rest = shown.strip_prefix("cargo xtask up --detach\n").context("it begins with the stack")?;
    let script = format!("set -e\n{}", rest.replace(".paddock/env", &STACK.env_file.to_string_lossy()));

    // Somewhere else, so that its .venv is nobody's.
    let folder = repository().join("target/e2e-quickstart");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    std::os::unix::fs::symlink(repository().join("examples"), folder.join("examples"))?;
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(folder);
    let output = sdk::run(command.env_remove("DAYTONA_API_URL").env_remove("DAYTONA_API_KEY")).await?;
    ensure!(output.contains("The sum is 5050"), "it printed: {output}");
    Ok(())
}
