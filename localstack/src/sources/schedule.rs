//! An EventBridge rule with a rate: first tick at once, then one per period. A tick that is due while
//! the last one still runs waits for it; ticks never overlap.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use crate::lambda::Functions;
use crate::template::{ACCOUNT, REGION, Schedule, arn};

pub(super) async fn run(functions: Arc<Functions>, function: String, schedule: Schedule) {
    let mut ticks = tokio::time::interval(schedule.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let event = schedule.input.clone().unwrap_or_else(|| scheduled_event(&schedule.id));
        if let Err(error) = functions.invoke(&function, event.to_string().into()).await {
            // The next tick is the retry: a sweep is idempotent.
            tracing::warn!(function, %error, "scheduled invocation failed");
        }
    }
}

fn scheduled_event(rule: &str) -> Value {
    let now = time::OffsetDateTime::now_utc();
    let second = now.replace_nanosecond(0).unwrap_or(now);
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": second.format(&time::format_description::well_known::Rfc3339).unwrap_or_default(),
        "region": REGION,
        "resources": [arn("events", &format!("rule/{rule}"))],
        "detail": {},
    })
}
