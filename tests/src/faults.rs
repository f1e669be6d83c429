//! Fault switches and counters of the embedded AWS endpoint.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::stack::STACK;

/// Sets the faults; `{}` switches all off.
pub async fn set(plan: &Value) -> Result<()> {
    let url = format!("{}/_paddock/faults", STACK.aws_url);
    let answer = reqwest::Client::new().post(url).json(plan).send().await?;
    ensure!(answer.status().is_success(), "faults {plan}: {}", answer.text().await?);
    Ok(())
}

/// Faults that end with this guard, also when the test fails.
pub struct Faults(());

impl Faults {
    /// Switches faults on.
    pub async fn on(plan: &Value) -> Result<Self> {
        set(plan).await?;
        Ok(Self(()))
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        // Drop cannot wait, and the test's runtime may be on its way down: a thread and runtime of its own.
        let off = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(set(&json!({})))
        });
        if !matches!(off.join(), Ok(Ok(()))) {
            eprintln!("the faults could not be switched off");
        }
    }
}

/// Counters since the last reset.
pub async fn stats() -> Result<Value> {
    Ok(reqwest::Client::new().get(format!("{}/_paddock/stats", STACK.aws_url)).send().await?.json().await?)
}

/// Counters from zero.
pub async fn reset_stats() -> Result<()> {
    let url = format!("{}/_paddock/stats/reset", STACK.aws_url);
    reqwest::Client::new().post(url).send().await?.error_for_status()?;
    Ok(())
}
