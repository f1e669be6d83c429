//! Makes what the template declares; what exists stays as it is.

use serde_json::json;

use crate::engines::EngineError;
use crate::engines::dynamodb::DynamoDb;
use crate::engines::s3::S3;
use crate::engines::sqs::Sqs;
use crate::template::{Queue, Table, Template};

/// Makes tables, queues and buckets.
pub async fn provision(template: &Template, dynamodb: &DynamoDb, sqs: &Sqs, s3: &S3) -> Result<(), EngineError> {
    for table in &template.tables {
        ensure_table(dynamodb, table).await?;
    }
    for queue in &template.queues {
        ensure_queue(sqs, queue).await?;
    }
    if !template.queues.is_empty() {
        sqs.persist().await?;
    }
    template.buckets.iter().try_for_each(|bucket| s3.ensure_bucket(&bucket.name))
}

async fn ensure_table(dynamodb: &DynamoDb, table: &Table) -> Result<(), EngineError> {
    let name = json!({ "TableName": table.name });
    let existing = dynamodb.call("DynamoDB_20120810.ListTables", &json!({})).await?;
    let exists = existing["TableNames"].as_array().is_some_and(|names| names.iter().any(|known| *known == table.name));
    if !exists {
        dynamodb.call("DynamoDB_20120810.CreateTable", &table.create_request).await?;
    }
    let Some(attribute) = &table.ttl_attribute else { return Ok(()) };
    let current = dynamodb.call("DynamoDB_20120810.DescribeTimeToLive", &name).await?;
    if current["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED" {
        return Ok(());
    }
    let request = json!({
        "TableName": table.name,
        "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true },
    });
    dynamodb.call("DynamoDB_20120810.UpdateTimeToLive", &request).await.map(drop)
}

async fn ensure_queue(sqs: &Sqs, queue: &Queue) -> Result<(), EngineError> {
    let url = sqs.call("GetQueueUrl", &json!({ "QueueName": queue.name })).await;
    let (operation, request) = match url {
        Ok(found) => ("SetQueueAttributes", json!({ "QueueUrl": found["QueueUrl"], "Attributes": queue.attributes })),
        Err(_) => ("CreateQueue", json!({ "QueueName": queue.name, "Attributes": queue.attributes })),
    };
    sqs.call(operation, &request).await.map(drop)
}
