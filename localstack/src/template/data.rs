//! Tables, queues and buckets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::intrinsics::scalar_text;
use super::{TemplateError, text};

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Name of the resource in the template.
    pub logical_id: String,
    /// Name on AWS.
    pub name: String,
    /// Partition and sort key.
    pub key: KeySchema,
    /// Global secondary indexes, in order.
    pub indexes: Vec<Index>,
    /// Attribute types: name to `S`, `N` or `B`.
    pub attributes: BTreeMap<String, String>,
    /// `NEW_AND_OLD_IMAGES` and the like, when there is a stream.
    pub stream_view: Option<String>,
    /// The attribute that holds the expiry, when TTL is on.
    pub ttl_attribute: Option<String>,
    /// The body of `CreateTable` that makes it.
    pub create_request: Value,
}

/// Key attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySchema {
    /// Partition key.
    pub partition: String,
    /// Sort key.
    pub sort: Option<String>,
}

/// A global secondary index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Name.
    pub name: String,
    /// Its keys.
    pub key: KeySchema,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
}

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Name of the resource in the template.
    pub logical_id: String,
    /// Name on AWS.
    pub name: String,
    /// Attributes as `CreateQueue` takes them.
    pub attributes: BTreeMap<String, String>,
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Name of the resource in the template.
    pub logical_id: String,
    /// Name on AWS.
    pub name: String,
}

pub(super) fn table(id: &str, properties: &Value) -> Result<Table, TemplateError> {
    let name = physical(id, properties, "TableName");
    let attributes = list(&properties["AttributeDefinitions"])
        .map(|item| Ok((text(item, "AttributeName", id)?, text(item, "AttributeType", id)?)))
        .collect::<Result<_, TemplateError>>()?;
    let indexes = list(&properties["GlobalSecondaryIndexes"])
        .map(|index| {
            Ok(Index {
                name: text(index, "IndexName", id)?,
                key: key_schema(index, id)?,
                projection: text(&index["Projection"], "ProjectionType", id)?,
            })
        })
        .collect::<Result<_, TemplateError>>()?;
    let stream_view = scalar_text(&properties["StreamSpecification"]["StreamViewType"]);
    let ttl = &properties["TimeToLiveSpecification"];
    Ok(Table {
        logical_id: id.into(),
        key: key_schema(properties, id)?,
        indexes,
        attributes,
        ttl_attribute: (ttl["Enabled"] == true).then(|| scalar_text(&ttl["AttributeName"])).flatten(),
        create_request: create_request(&name, properties, stream_view.as_deref()),
        stream_view,
        name,
    })
}

fn create_request(name: &str, properties: &Value, stream_view: Option<&str>) -> Value {
    let mut request = json!({ "TableName": name });
    let kept = ["AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "ProvisionedThroughput"];
    for key in kept {
        if !properties[key].is_null() {
            request[key] = properties[key].clone();
        }
    }
    if let Some(view) = stream_view {
        request["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": view });
    }
    request
}

fn key_schema(value: &Value, of: &str) -> Result<KeySchema, TemplateError> {
    let attribute = |kind: &str| {
        list(&value["KeySchema"]).find(|key| key["KeyType"] == kind).and_then(|key| scalar_text(&key["AttributeName"]))
    };
    let partition =
        attribute("HASH").ok_or_else(|| TemplateError::Shape(format!("{of} has a key schema without HASH")))?;
    Ok(KeySchema { partition, sort: attribute("RANGE") })
}

pub(super) fn queue(id: &str, properties: &Value) -> Result<Queue, TemplateError> {
    // What CloudFormation writes as properties, CreateQueue takes as attributes of the same name.
    let passed = [
        "DelaySeconds",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "ReceiveMessageWaitTimeSeconds",
        "VisibilityTimeout",
    ];
    let mut attributes: BTreeMap<String, String> = passed
        .iter()
        .filter_map(|key| scalar_text(&properties[*key]).map(|value| ((*key).to_owned(), value)))
        .collect();
    if properties["RedrivePolicy"].is_object() {
        attributes.insert("RedrivePolicy".into(), properties["RedrivePolicy"].to_string());
    }
    Ok(Queue { logical_id: id.into(), name: physical(id, properties, "QueueName"), attributes })
}

pub(super) fn bucket(id: &str, properties: &Value) -> Bucket {
    Bucket { logical_id: id.into(), name: physical(id, properties, "BucketName") }
}

fn physical(id: &str, properties: &Value, key: &str) -> String {
    scalar_text(&properties[key]).unwrap_or_else(|| format!("paddock-{id}").to_lowercase())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
