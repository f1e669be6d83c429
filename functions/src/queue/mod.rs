//! The runners' queues. No other module calls SQS.
//!
//! A queue holds copies of the truth for ten minutes, never the truth: what is lost is sent again by the sweep.

use std::collections::HashMap;

use aws_sdk_sqs::{
    Client,
    operation::{create_queue::CreateQueueError, delete_queue::DeleteQueueError},
    types::QueueAttributeName,
};
use paddock_wire::work::Message;

/// Seconds a message waits for its runner. Older work is wrong or was sent again.
pub const RETENTION_SECONDS: u32 = 600;

/// Seconds a runner's receive call waits for a message.
pub const LONG_POLL_SECONDS: u32 = 20;

/// A queue could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call failed.
    #[error("a queue cannot be used")]
    Call(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer lacks what it must have.
    #[error("a queue was made without an address")]
    NoAddress,
}

/// Sends to runners.
#[derive(Clone)]
pub struct Queue {
    sqs: Client,
    prefix: String,
}

impl Queue {
    /// Wraps the client; makes no call.
    pub fn new(sqs: Client, prefix: String) -> Self {
        Self { sqs, prefix }
    }

    /// Makes an agent's queue, or finds it and gives it today's attributes.
    pub async fn create(&self, runner: paddock_model::id::RunnerId) -> Result<String, Error> {
        let name = format!("{}{runner}", self.prefix);
        let attributes = HashMap::from([
            (QueueAttributeName::MessageRetentionPeriod, RETENTION_SECONDS.to_string()),
            (QueueAttributeName::ReceiveMessageWaitTimeSeconds, LONG_POLL_SECONDS.to_string()),
        ]);
        let create = self.sqs.create_queue().queue_name(&name).set_attributes(Some(attributes.clone()));
        match create.send().await {
            Ok(made) => made.queue_url.ok_or(Error::NoAddress),
            Err(error) if error.as_service_error().is_some_and(CreateQueueError::is_queue_name_exists) => {
                self.renew(&name, attributes).await
            }
            Err(error) => Err(Error::Call(Box::new(error))),
        }
    }

    /// A queue of an earlier version had other attributes.
    async fn renew(&self, name: &str, attributes: HashMap<QueueAttributeName, String>) -> Result<String, Error> {
        let found = self.sqs.get_queue_url().queue_name(name).send().await;
        let url = found.map_err(|problem| Error::Call(Box::new(problem)))?.queue_url.ok_or(Error::NoAddress)?;
        let set = self.sqs.set_queue_attributes().queue_url(&url).set_attributes(Some(attributes));
        set.send().await.map_err(|problem| Error::Call(Box::new(problem)))?;
        Ok(url)
    }

    /// Deletes an agent's queue with all that is in it. One that is gone already is fine.
    pub async fn delete(&self, queue_url: &str) -> Result<(), Error> {
        match self.sqs.delete_queue().queue_url(queue_url).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(DeleteQueueError::is_queue_does_not_exist) => Ok(()),
            Err(error) => Err(Error::Call(Box::new(error))),
        }
    }

    /// Sends one message.
    pub async fn send(&self, queue_url: &str, message: &Message) -> Result<(), Error> {
        let body = serde_json::to_string(message).map_err(|problem| Error::Call(Box::new(problem)))?;
        let request = self.sqs.send_message().queue_url(queue_url).message_body(body);
        request.send().await.map_err(|problem| Error::Call(Box::new(problem)))?;
        Ok(())
    }
}
