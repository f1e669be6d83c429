//! HTTP to our own services on this machine. Not by the client of the programs: that one would cost every cold start of
//! xtask an async runtime and a TLS stack.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result};
use ureq::Agent;
use ureq::http::Response;

static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    // A proxy of the environment is for the world outside.
    let config = Agent::config_builder().http_status_as_error(false).proxy(None);
    config.timeout_global(Some(Duration::from_secs(60))).build().into()
});

/// Status and body.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

pub fn get(port: u16, path: &str) -> Result<Answer> {
    read(AGENT.get(url(port, path)).call(), port)
}

pub fn post_json(port: u16, path: &str, body: &serde_json::Value) -> Result<Answer> {
    let request = AGENT.post(url(port, path)).header("content-type", "application/json");
    read(request.send(body.to_string()), port)
}

fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

fn read(answer: Result<Response<ureq::Body>, ureq::Error>, port: u16) -> Result<Answer> {
    let mut answer = answer.with_context(|| format!("no HTTP answer from port {port}"))?;
    let body = answer.body_mut().read_to_string().with_context(|| format!("a cut answer from port {port}"))?;
    Ok(Answer { status: answer.status().as_u16(), body })
}
