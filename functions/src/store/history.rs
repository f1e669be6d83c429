//! What became of a sandbox, one item per (epoch, generation, seq), written from the table's stream.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use paddock_model::sandbox::Sandbox;
use serde::{Deserialize, Serialize};

use super::{
    Error, Store,
    item::{Outcome, number, write},
    keys,
};

/// Kept thirty days.
const KEPT_SECONDS: i64 = 30 * 24 * 3600;

#[derive(Serialize, Deserialize)]
struct HistoryItem {
    op: uuid::Uuid,
    changed_at: i64,
    actor: String,
    state: String,
    desired: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    ttl: i64,
}

impl Store {
    /// Writes what a head had become. Repeating it writes the same; an older record never replaces a newer one.
    pub async fn put_history(&self, sandbox: &Sandbox, actor: &str) -> Result<(), Error> {
        let op = paddock_model::id::OpId::random();
        let at = sandbox.updated_at.0;
        let key = keys::history(sandbox.id, sandbox.epoch, sandbox.generation, sandbox.seen_seq);
        let item = HistoryItem {
            op: op.0,
            changed_at: at,
            actor: actor.to_owned(),
            state: sandbox.state.as_str().to_owned(),
            desired: sandbox.desired.as_str().to_owned(),
            reason: sandbox.failure.as_ref().map(|failure| failure.reason.clone()),
            ttl: at / 1000 + KEPT_SECONDS,
        };
        let values: HashMap<String, AttributeValue> = [(":at".to_owned(), number(at))].into();
        match self.put_if(write(&key, &item)?, "attribute_not_exists(pk) OR changed_at < :at", values, op).await? {
            Outcome::Done | Outcome::Refused(_) => Ok(()),
        }
    }
}
