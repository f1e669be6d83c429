//! First calls to the control plane.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::options::StackOptions;
use super::secrets::{Secrets, sha256_hex};
use super::service::Service;
use crate::http;
use crate::process::{tail, wait_until};

const DEFAULT_SNAPSHOT: &str = "paddock-default";

const READY_LIMIT: Duration = Duration::from_secs(120);

/// Waits for an answer of any kind below 500.
pub fn wait_for_http(options: &StackOptions, service: &Service, port: u16, path: &str) -> Result<()> {
    wait_while_alive(options, service, &format!("http://localhost:{port}{path} answers"), || {
        Ok(http::get(port, path).is_ok_and(|answer| answer.status < 500))
    })
}

/// Waits; a service that keeps dying ends the wait at once, with its log.
pub fn wait_while_alive(
    options: &StackOptions,
    service: &Service,
    what: &str,
    mut probe: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let log = options.state().log(service.name());
    let waited = wait_until(what, READY_LIMIT, || {
        if service.deaths() > 2 {
            bail!("{} dies again and again", service.name());
        }
        probe()
    });
    waited.map_err(|error| anyhow!("{error:#}\nEnd of {}:\n{}", log.display(), tail(&log)))
}

/// Organization, user, API key, default snapshot, pool. Repeating it only updates the snapshot's image and the pool's size.
pub fn bootstrap(options: &StackOptions, secrets: &Secrets, image: &str) -> Result<()> {
    let key = &secrets.api_key;
    let answer = invoke(
        options,
        &json!({
            "command": "bootstrap",
            "organization": { "id": secrets.organization, "name": "Paddock" },
            "user": { "id": secrets.user, "name": "First user", "email": "user@paddock.local" },
            "apiKey": { "name": "first", "sha256": sha256_hex(key), "prefix": &key[..3], "suffix": &key[key.len() - 3..] },
            "snapshot": { "id": secrets.snapshot, "name": DEFAULT_SNAPSHOT, "image": image, "cpu": 1, "memoryGib": 1, "diskGib": 3 },
            "pool": options.pool,
            "quota": { "cpu": 400, "memoryGib": 800, "diskGib": 4000 },
        }),
    );
    answer.map(|_| ()).context("the first organization could not be made")
}

/// Invokes `paddock-reconcile` as an operator.
pub fn invoke(options: &StackOptions, payload: &Value) -> Result<Value> {
    let path = "/2015-03-31/functions/paddock-reconcile/invocations";
    let answer = http::post_json(options.aws_port, path, payload)?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| Value::String(answer.body.clone()));
    let failed = answer.status >= 300 || body.get("errorMessage").is_some();
    if failed {
        bail!("paddock-reconcile answered {}: {}", answer.status, answer.body)
    }
    Ok(body)
}

/// Whether all runners have registered. Then the pool can be asked to fill: without runners there was no room.
pub fn runners_are_there(options: &StackOptions) -> Result<bool> {
    let status = invoke(options, &json!({ "command": "status" }))?;
    Ok(status["runners"].as_u64() >= Some(u64::from(options.runners)))
}

/// Asks for the pool now; the schedule would, within a minute.
pub fn fill_pool(options: &StackOptions) -> Result<()> {
    invoke(options, &json!({ "command": "set-pool", "snapshot": DEFAULT_SNAPSHOT, "size": options.pool })).map(|_| ())
}

/// Whether as many sandboxes wait started as shall.
pub fn pool_is_full(options: &StackOptions) -> Result<bool> {
    let status = invoke(options, &json!({ "command": "status" }))?;
    Ok(status["poolReady"].as_u64() >= Some(u64::from(options.pool)))
}
