//! Calls of the stack's AWS endpoint.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::stack::STACK;

/// `Service.Operation` of the JSON protocol. Without an SDK, because a whole one for a few calls would double the link
/// time of the tests.
pub async fn call(target: &str, body: &Value) -> Result<Value> {
    let answer = reqwest::Client::new()
        .post(&STACK.aws_url)
        .header("X-Amz-Target", target)
        .header("Content-Type", "application/x-amz-json-1.0")
        .header("X-Amz-Date", "20260101T000000Z")
        .header(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/any/aws4_request, SignedHeaders=host, Signature=0",
        )
        .body(body.to_string())
        .send()
        .await?;
    let status = answer.status();
    let text = answer.text().await?;
    ensure!(status.is_success(), "{target}: {status} {text}");
    Ok(serde_json::from_str(&text)?)
}

/// URLs of all queues.
pub async fn queues() -> Result<Vec<String>> {
    let listed = call("AmazonSQS.ListQueues", &serde_json::json!({ "MaxResults": 1000 })).await?;
    let urls = listed["QueueUrls"].as_array().into_iter().flatten();
    Ok(urls.filter_map(|url| url.as_str().map(str::to_owned)).collect())
}
