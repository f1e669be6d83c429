//! SQS: at least once in its own words, and here sometimes not at all, because the program must bear that too (design §3).

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use paddock_model::entropy;
use serde_json::{Value, json};
use tokio::{sync::Notify, time::Instant};

use super::Answer;
use crate::chance;

/// As the functions set it.
const RETENTION: Duration = Duration::from_secs(600);
const VISIBILITY: Duration = Duration::from_secs(30);
const LATEST: Duration = Duration::from_secs(40);

#[derive(Default)]
pub struct Queues {
    queues: Mutex<BTreeMap<String, Vec<Envelope>>>,
    sent: Notify,
}

struct Envelope {
    id: u64,
    body: String,
    visible: Instant,
    gone: Instant,
}

impl Queues {
    pub async fn call(&self, operation: &str, body: &[u8]) -> Answer {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let url = request["QueueUrl"].as_str().unwrap_or_default();
        let answer = match operation {
            "CreateQueue" | "GetQueueUrl" => self.create(request["QueueName"].as_str().unwrap_or_default()),
            "SetQueueAttributes" => json!({}),
            "DeleteQueue" => {
                self.lock().remove(url);
                json!({})
            }
            _ if !self.lock().contains_key(url) => return Some((400, missing())),
            "SendMessage" => self.send(url, request["MessageBody"].as_str().unwrap_or_default()),
            "ReceiveMessage" => self.receive(url, &request).await,
            "DeleteMessageBatch" => self.delete(url, &request),
            other => return Some((400, json!({"__type": "UnknownOperation", "message": other}).to_string())),
        };
        if chance::mishap(10) {
            return None;
        }
        Some((200, answer.to_string()))
    }

    fn create(&self, name: &str) -> Value {
        let url = format!("https://sqs/{name}");
        self.lock().entry(url.clone()).or_default();
        json!({ "QueueUrl": url })
    }

    fn send(&self, url: &str, body: &str) -> Value {
        let copies = if chance::mishap(50) { 0 } else { 1 + usize::from(chance::mishap(80)) };
        for _ in 0..copies {
            let delay = if chance::mishap(100) { chance::span(LATEST) } else { Duration::ZERO };
            let visible = Instant::now() + delay;
            let envelope =
                Envelope { id: entropy::word(), body: body.to_owned(), visible, gone: Instant::now() + RETENTION };
            self.lock().entry(url.to_owned()).or_default().push(envelope);
        }
        self.sent.notify_waiters();
        json!({ "MessageId": "m", "MD5OfMessageBody": "" })
    }

    async fn receive(&self, url: &str, request: &Value) -> Value {
        let wait = request["WaitTimeSeconds"].as_u64().unwrap_or_default();
        let most = usize::try_from(request["MaxNumberOfMessages"].as_u64().unwrap_or(1)).unwrap_or(1);
        let until = Instant::now() + Duration::from_secs(wait);
        loop {
            let sent = self.sent.notified();
            let (taken, next) = self.take(url, most);
            if !taken.is_empty() || Instant::now() >= until {
                return json!({ "Messages": taken });
            }
            let wake = next.map_or(until, |next| next.min(until));
            drop(tokio::time::timeout_at(wake, sent).await);
        }
    }

    /// In any order; and when the next one can be seen.
    fn take(&self, url: &str, most: usize) -> (Vec<Value>, Option<Instant>) {
        let now = Instant::now();
        let mut queues = self.lock();
        let queue = queues.entry(url.to_owned()).or_default();
        queue.retain(|envelope| envelope.gone > now);
        let mut seen: Vec<&mut Envelope> = queue.iter_mut().filter(|envelope| envelope.visible <= now).collect();
        if chance::mishap(200) {
            entropy::shuffle(&mut seen);
        }
        let message = |envelope: &mut &mut Envelope| {
            envelope.visible = now + VISIBILITY;
            json!({ "MessageId": envelope.id.to_string(), "ReceiptHandle": envelope.id.to_string(), "Body": envelope.body })
        };
        let taken = seen.iter_mut().take(most).map(message).collect();
        let next = queue.iter().map(|envelope| envelope.visible).filter(|visible| *visible > now).min();
        (taken, next)
    }

    fn delete(&self, url: &str, request: &Value) -> Value {
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        let handles: Vec<&str> = entries.iter().filter_map(|entry| entry["ReceiptHandle"].as_str()).collect();
        let mut queues = self.lock();
        queues
            .entry(url.to_owned())
            .or_default()
            .retain(|envelope| !handles.contains(&envelope.id.to_string().as_str()));
        let done: Vec<Value> = entries.iter().map(|entry| json!({ "Id": entry["Id"] })).collect();
        json!({ "Successful": done, "Failed": [] })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Envelope>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing() -> String {
    json!({ "__type": "AWS.SimpleQueueService.NonExistentQueue", "message": "there is no such queue" }).to_string()
}
