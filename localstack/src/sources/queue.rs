//! A queue as event source: long poll, invoke with the batch, delete what went through. What did not
//! comes back after its visibility timeout, as on AWS.

use std::time::Duration;

use serde_json::{Value, json};

use super::Sources;
use crate::engines::EngineError;
use crate::template::{QueueSource, REGION, arn};

const LONG_POLL_SECONDS: u32 = 20;
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

pub(super) async fn run(sources: Sources, function: String, source: QueueSource) {
    loop {
        if let Err(error) = poll(&sources, &function, &source).await {
            tracing::error!(function, queue = source.queue, %error, "queue cannot be read");
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
        }
    }
}

async fn poll(sources: &Sources, function: &str, source: &QueueSource) -> Result<(), EngineError> {
    let url = sources.sqs.call("GetQueueUrl", &json!({ "QueueName": source.queue })).await?["QueueUrl"].take();
    let request = json!({
        "QueueUrl": url,
        "MaxNumberOfMessages": source.batch_size.min(10),
        "WaitTimeSeconds": LONG_POLL_SECONDS,
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    let received = sources.sqs.call("ReceiveMessage", &request).await?;
    let messages: Vec<&Value> = received["Messages"].as_array().into_iter().flatten().collect();
    if messages.is_empty() {
        return Ok(());
    }
    let records: Vec<Value> = messages.iter().map(|message| record(message, &source.queue)).collect();
    let event = json!({ "Records": records }).to_string();
    let result = match sources.functions.invoke(function, event.into()).await {
        Ok(result) => result,
        Err(error) => {
            tracing::warn!(function, %error, "batch failed; its messages come again");
            return Ok(());
        }
    };
    let failed = failed_items(source, &result);
    for message in messages.iter().filter(|message| !failed.contains(&message["MessageId"])) {
        let receipt = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
        sources.sqs.call("DeleteMessage", &receipt).await?;
    }
    Ok(())
}

fn failed_items(source: &QueueSource, result: &[u8]) -> Vec<Value> {
    if !source.reports_item_failures {
        return Vec::new();
    }
    let result: Value = serde_json::from_slice(result).unwrap_or_default();
    let failures = result["batchItemFailures"].as_array();
    failures.into_iter().flatten().map(|failure| failure["itemIdentifier"].clone()).collect()
}

fn record(message: &Value, queue: &str) -> Value {
    json!({
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": message["MessageAttributes"],
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn("sqs", queue),
        "awsRegion": REGION,
    })
}
