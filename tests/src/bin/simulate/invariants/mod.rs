//! The invariants of design §11, looked at after each write ([`watch`]) and after each step of the world.
//!
//! * [`heads`] one owner, monotone, no resurrection, never stuck: what a write may make of a head
//! * [`quotas`] conservation
//! * [`captures`] durable before discard: what a live item names is there
//! * [`words`] durable before discard: the last acknowledged files are somewhere whole
//! * [`graves`] durable before discard: nothing that lives is given up by its runner
//! * [`rest`] never stuck, and nothing left over, at the end

pub mod captures;
pub mod graves;
pub mod heads;
pub mod quotas;
pub mod rest;
pub mod words;

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use paddock_functions::store::sandboxes::from_stream;
use paddock_model::sandbox::Sandbox;
use serde_json::Value;

use crate::aws::{
    Aws,
    table::{Key, Records},
};

/// Looks at each write from now on.
pub fn watch(aws: &Aws) {
    let bucket = Arc::clone(&aws.bucket);
    aws.table.watch(Box::new(move |records, changes| {
        heads::check(changes);
        quotas::check(records);
        captures::check(records, &bucket, changes);
    }));
}

/// The head in an item; none when it is something else.
pub fn head_of(key: &Key, item: &Value) -> Option<Sandbox> {
    if key.1 != "H" || !key.0.starts_with("S#") {
        return None;
    }
    let item = item.as_object()?.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
    Some(from_stream(item).ok().flatten().expect("each head reads").sandbox)
}

/// All heads there are.
pub fn heads(records: &Records) -> Vec<Sandbox> {
    records.iter().filter_map(|(key, record)| head_of(key, record.now.as_ref()?)).collect()
}

/// Who made the write.
fn actor(item: &Value) -> &str {
    item["actor"]["S"].as_str().unwrap_or_default()
}

fn attribute(value: &Value) -> AttributeValue {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else {
        return AttributeValue::Null(true);
    };
    let text = || inner.as_str().unwrap_or_default().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(inner.as_bool().unwrap_or_default()),
        "L" => AttributeValue::L(inner.as_array().into_iter().flatten().map(attribute).collect()),
        "M" => AttributeValue::M(
            inner.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), attribute(value))).collect(),
        ),
        _ => AttributeValue::Null(true),
    }
}
