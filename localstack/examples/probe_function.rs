//! A function for this crate's tests: does what its event says.
//!
//! `{"do": "echo"}` answers the event, `"crash"` aborts, `"fail"` returns an error, `"sleep"` sleeps
//! `ms`, `"large"` answers `bytes` bytes, `"background"` leaves a task behind that counts in
//! `PROBE_COUNTER` each 10 ms. An HTTP event is answered with what arrived. `PROBE_INIT=fail` makes
//! the start fail. Batches of records are written to `PROBE_RECORDS`, one line each.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<ExitCode, Error> {
    if std::env::var("PROBE_INIT").is_ok_and(|how| how == "fail") {
        eprintln!("this function never starts");
        return Ok(ExitCode::from(7));
    }
    lambda_runtime::run(service_fn(handle)).await?;
    Ok(ExitCode::SUCCESS)
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let payload = event.payload;
    let order = if payload["requestContext"]["http"].is_object() {
        serde_json::from_str(payload["body"].as_str().unwrap_or_default()).unwrap_or_default()
    } else {
        payload.clone()
    };
    match order["do"].as_str() {
        Some("crash") => std::process::abort(),
        Some("fail") => return Err("told to fail".into()),
        Some("sleep") => tokio::time::sleep(Duration::from_millis(order["ms"].as_u64().unwrap_or(0))).await,
        Some("large") => return Ok(json!("x".repeat(order["bytes"].as_u64().unwrap_or(0) as usize))),
        Some("background") => drop(tokio::spawn(count_forever())),
        _ => {}
    }
    if let Some(records) = payload["Records"].as_array() {
        keep(records)?;
    }
    if payload["requestContext"]["http"].is_object() {
        let body = json!({ "pid": std::process::id(), "event": payload }).to_string();
        let headers = json!({ "content-type": "application/json" });
        return Ok(json!({ "statusCode": 200, "headers": headers, "cookies": ["a=1", "b=2"], "body": body }));
    }
    Ok(json!({ "pid": std::process::id(), "event": payload, "environment": environment() }))
}

fn environment() -> Value {
    std::env::vars().map(|(key, value)| (key, Value::String(value))).collect::<serde_json::Map<_, _>>().into()
}

fn keep(records: &[Value]) -> Result<(), Error> {
    let path = std::env::var("PROBE_RECORDS")?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    // In one write: a test that reads meanwhile shall not meet half a line.
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    file.write_all(lines.as_bytes())?;
    if records.iter().any(|record| record["dynamodb"]["NewImage"]["poison"]["BOOL"] == true) {
        return Err("poison".into());
    }
    Ok(())
}

async fn count_forever() {
    let Ok(path) = std::env::var("PROBE_COUNTER") else { return };
    for count in 0_u64.. {
        drop(std::fs::write(&path, count.to_string()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
