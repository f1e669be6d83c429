//! What became of a sandbox, one item per write that its user can see, written from the table's stream.

use paddock_model::sandbox::Failure;
use serde::{Deserialize, Serialize};

use super::{Error, Store, item::write, keys, sandboxes::Stored};

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
    /// Writes what a head had become by one write. Key and content follow from that write, so that repeating it
    /// changes nothing.
    pub async fn put_history(&self, head: &Stored, actor: &str) -> Result<(), Error> {
        let Stored { sandbox, op, spec_generation: _ } = head;
        let at = sandbox.updated_at.0;
        let reason = sandbox.failure.clone().map(|Failure { reason, recoverable: _ }| reason);
        let item = HistoryItem {
            op: op.0,
            changed_at: at,
            actor: actor.to_owned(),
            state: sandbox.state.as_str().to_owned(),
            desired: sandbox.desired.as_str().to_owned(),
            reason,
            ttl: at / 1000 + KEPT_SECONDS,
        };
        self.put(write(&keys::history(sandbox, *op), &item)?).await
    }
}
