//! The table's stream becomes history: durable, idempotent, keyed by (sandbox, epoch, generation, seq).
//!
//! A batch may come twice or in part again; writing the same item again changes nothing. An error makes Lambda deliver
//! the batch again.

use aws_lambda_events::event::dynamodb::Event;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::{
    app::App,
    store::{self, sandboxes::from_stream},
};

/// Writes the history of one batch.
pub async fn handle(app: &App, event: Event) -> Result<(), store::Error> {
    for record in event.records {
        let item: std::collections::HashMap<String, AttributeValue> = record.change.new_image.into();
        let actor = item.get("actor").and_then(|actor| actor.as_s().ok()).cloned().unwrap_or_default();
        if item.is_empty() {
            continue;
        }
        if let Some(stored) = from_stream(item)? {
            app.store.put_history(&stored.sandbox, &actor).await?;
        }
    }
    Ok(())
}
