//! The life of a sandbox where it really happens: containers, the bucket, processes, agents that are killed.

mod archive;
mod drain;
mod fork;
mod killed_agent;
mod other_runner;
mod pause;
mod resize;
mod snapshot;
mod timers;

use anyhow::{Result, ensure};
use paddock_tests::api::{Answer, Api};
use paddock_tests::stack::STACK;
use reqwest::Method;
use serde_json::{Value, json};

/// `POST /sandbox/{id}/{action}`.
async fn ask(api: &Api, id: &str, action: &str, body: Option<&Value>) -> Result<Answer> {
    api.call(Method::POST, &format!("/sandbox/{id}/{action}"), body).await
}

/// The same, accepted; what is answered.
async fn accepted(api: &Api, id: &str, action: &str, body: Option<&Value>) -> Result<Value> {
    let answer = ask(api, id, action, body).await?;
    ensure!(answer.status == 200, "{action} of {id}: {} {}", answer.status, answer.body);
    Ok(answer.body)
}

/// The same, refused with this status and a reason.
async fn refused(api: &Api, id: &str, action: &str, body: Option<&Value>, status: u16) -> Result<()> {
    let answer = ask(api, id, action, body).await?;
    ensure!(
        answer.status == status,
        "{action} of {id}, to be refused with {status}: {} {}",
        answer.status,
        answer.body
    );
    ensure!(
        answer.body["message"].as_str().is_some_and(|reason| !reason.is_empty()),
        "without a reason: {}",
        answer.body
    );
    Ok(())
}

/// Archives what is stopped, and waits until it is so.
async fn archive(api: &Api, id: &str) -> Result<()> {
    accepted(api, id, "archive", None).await?;
    api.until_state(id, "archived").await
}

/// Its toolbox answers, and not with a result. A call that hangs is no answer.
async fn answers_that_it_does_not_run(api: &Api, id: &str) -> Result<()> {
    let url = format!("{}/{id}/process/execute", STACK.proxy_url);
    let answer = api.call_url(Method::POST, &url, Some(&json!({ "command": "true" }))).await?;
    ensure!(answer.status >= 400, "a command ran in what does not run: {} {}", answer.status, answer.body);
    Ok(())
}
