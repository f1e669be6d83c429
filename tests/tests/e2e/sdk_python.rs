//! The Python suite in `tests/sdk/python`, once per promised version of the official SDK.

use anyhow::Result;
use paddock_tests::stack::repository;
use paddock_tests::{sdk, turn};
use tokio::process::Command;

async fn suite(version: &str) -> Result<()> {
    let _turn = turn::shared().await;
    let python = sdk::python(version).await?;
    let mut command = Command::new(python);
    command
        .args(["-m", "pytest"])
        .current_dir(repository().join("tests/sdk/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = sdk::run(sdk::with_credentials(&mut command)).await?;
    println!("{output}");
    Ok(())
}

#[tokio::test]
async fn newest() -> Result<()> {
    suite(sdk::PYTHON_VERSIONS[0]).await
}

#[tokio::test]
async fn v0_190_0() -> Result<()> {
    suite(sdk::PYTHON_VERSIONS[1]).await
}

#[tokio::test]
async fn v0_160_0() -> Result<()> {
    suite(sdk::PYTHON_VERSIONS[2]).await
}
