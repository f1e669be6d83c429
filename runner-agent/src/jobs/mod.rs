//! The runner's own queue: long polls, hands each message to its owner, deletes it at once. The queue holds no
//! truth, so a message that is lost after its deletion is merely sent again by the control plane.

use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message as Envelope};
use paddock_wire::work::Message;

use crate::{control_api::ControlApi, sandboxes::registry::Registry};

const MOST_AT_ONCE: i32 = 10;
const LONG_POLL_SECONDS: i32 = 20;
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Longer than a long poll. Without it a connection that died silently would be read from for ever.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// A client by the process environment.
pub async fn client() -> aws_sdk_sqs::Client {
    let aws = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts()).load().await;
    aws_sdk_sqs::Client::new(&aws)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build()
}

/// Polls for ever.
pub async fn poll(sqs: aws_sdk_sqs::Client, api: Arc<ControlApi>, registry: Arc<Registry>) {
    loop {
        if let Err(error) = poll_once(&sqs, &api, &registry).await {
            tracing::warn!(error, "queue not read");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

async fn poll_once(sqs: &aws_sdk_sqs::Client, api: &ControlApi, registry: &Registry) -> Result<(), String> {
    let session = api.session().map_err(|error| error.to_string())?;
    let received = sqs
        .receive_message()
        .queue_url(&session.queue_url)
        .max_number_of_messages(MOST_AT_ONCE)
        .wait_time_seconds(LONG_POLL_SECONDS)
        .send()
        .await;
    let messages = match received {
        Ok(received) => received.messages.unwrap_or_default(),
        Err(error) => {
            let missing = error.as_service_error().is_some_and(|error| error.is_queue_does_not_exist());
            if missing {
                // Registration makes the queue.
                api.register().await.map_err(|error| error.to_string())?;
            }
            return Err(aws_sdk_sqs::error::DisplayErrorContext(error).to_string());
        }
    };
    for message in &messages {
        dispatch(message, registry);
    }
    if !messages.is_empty() {
        // Deleting must not hold up the next poll.
        tokio::spawn(delete(sqs.clone(), session.queue_url.clone(), messages));
    }
    Ok(())
}

fn dispatch(envelope: &Envelope, registry: &Registry) {
    match serde_json::from_str(envelope.body().unwrap_or_default()) {
        Ok(Message::Work(work)) => _ = registry.deliver(*work),
        Ok(Message::Touch { sandbox_id, epoch }) => {
            if let Some(handle) = registry.get(sandbox_id).filter(|handle| handle.applied().borrow().epoch == epoch) {
                handle.touch();
            }
        }
        // From a newer control plane; it will see that nothing happens.
        Err(error) => tracing::error!(%error, id = envelope.message_id(), "message that cannot be read"),
    }
}

async fn delete(sqs: aws_sdk_sqs::Client, queue_url: String, messages: Vec<Envelope>) {
    let entries = messages.iter().enumerate().filter_map(|(index, message)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
        entry.receipt_handle(message.receipt_handle()?).build().ok()
    });
    let deleted = sqs.delete_message_batch().queue_url(queue_url).set_entries(Some(entries.collect())).send().await;
    if let Err(error) = deleted {
        // They will come again, and be recognized.
        tracing::debug!(error = %aws_sdk_sqs::error::DisplayErrorContext(error), "messages not deleted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_outlasts_a_long_poll_and_still_ends() {
        let long_poll = Duration::from_secs(LONG_POLL_SECONDS.unsigned_abs().into());
        assert!(timeouts().operation_attempt_timeout().is_some_and(|limit| limit > long_poll));
    }
}
