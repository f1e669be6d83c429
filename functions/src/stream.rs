//! The table's stream becomes history: durable, idempotent, one item per write that a user can see.
//!
//! A batch may come twice or in part again; writing the same item again changes nothing. An error makes Lambda deliver
//! the batch again.

use aws_lambda_events::event::dynamodb::{Event, StreamRecord};
use aws_sdk_dynamodb::types::AttributeValue;
use paddock_model::sandbox::Sandbox;

use crate::{
    app::App,
    store::{self, sandboxes::from_stream},
};

type Image = std::collections::HashMap<String, AttributeValue>;

/// Writes the history of one batch.
pub async fn handle(app: &App, event: Event) -> Result<(), store::Error> {
    for record in event.records {
        keep(app, record.change).await?;
    }
    Ok(())
}

async fn keep(app: &App, change: StreamRecord) -> Result<(), store::Error> {
    let (old, new): (Image, Image) = (change.old_image.into(), change.new_image.into());
    let actor = new.get("actor").and_then(|actor| actor.as_s().ok()).cloned().unwrap_or_default();
    let Some(new) = from_stream(new)? else { return Ok(()) };
    // One that does not read cannot be compared with: then the new one is news.
    let old = from_stream(old).ok().flatten();
    if is_news(old.as_ref().map(|old| &old.sandbox), &new.sandbox) {
        app.store.put_history(&new, &actor).await?;
    }
    Ok(())
}

/// Its user sees a difference. Counters, timers and activity are not his to see, and what waits in a pool has no user.
fn is_news(old: Option<&Sandbox>, new: &Sandbox) -> bool {
    let seen = |sandbox: &Sandbox| {
        let reason = sandbox.failure.as_ref().map(|failure| failure.reason.clone());
        (sandbox.organization, sandbox.state, sandbox.desired, reason)
    };
    new.organization.is_some() && old.is_none_or(|old| seen(old) != seen(new))
}
