//! SQS in front of the engine: counts calls, doubles and delays messages, and keeps the list of
//! queues on disk.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Endpoint, aws_error, read};
use crate::faults::SendFault;

pub(super) async fn answer(endpoint: &Endpoint, operation: &str, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let response = match operation {
        "SendMessage" => send(endpoint, &parts.headers, body).await,
        "SendMessageBatch" => send_batch(endpoint, &parts.headers, body).await,
        _ => endpoint.sqs.answer(&parts.headers, body).await,
    };
    endpoint.stats.sqs(operation, !response.status().is_success());
    if response.status().is_success() && changes_queues(operation) {
        // Before the answer: a queue a client was told of survives a kill.
        if let Err(error) = endpoint.sqs.persist().await {
            tracing::error!(%error, "cannot write down the queues");
            return aws_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &error.to_string());
        }
    }
    response
}

fn changes_queues(operation: &str) -> bool {
    matches!(operation, "CreateQueue" | "DeleteQueue" | "SetQueueAttributes" | "TagQueue" | "UntagQueue")
}

async fn send(endpoint: &Endpoint, headers: &HeaderMap, body: Bytes) -> Response<Body> {
    let fault = endpoint.faults.on_send();
    let response = endpoint.sqs.answer(headers, with_delay(&body, fault.delay)).await;
    if let Some(delay) = fault.copy.filter(|_| response.status().is_success()) {
        endpoint.sqs.answer(headers, with_delay(&body, delay)).await;
    }
    response
}

async fn send_batch(endpoint: &Endpoint, headers: &HeaderMap, body: Bytes) -> Response<Body> {
    let Ok(mut request) = serde_json::from_slice::<Value>(&body) else {
        return endpoint.sqs.answer(headers, body).await;
    };
    let mut copies = Vec::new();
    for entry in request["Entries"].as_array_mut().into_iter().flatten() {
        let SendFault { delay, copy } = endpoint.faults.on_send();
        copies.extend(copy.map(|delay| delayed(entry.clone(), delay)));
        *entry = delayed(entry.take(), delay);
    }
    let response = endpoint.sqs.answer(headers, request.to_string().into()).await;
    if response.status().is_success() && !copies.is_empty() {
        request["Entries"] = Value::Array(copies);
        endpoint.sqs.answer(headers, request.to_string().into()).await;
    }
    response
}

fn with_delay(body: &Bytes, delay: u32) -> Bytes {
    if delay == 0 {
        return body.clone();
    }
    match serde_json::from_slice(body) {
        Ok(message) => delayed(message, delay).to_string().into(),
        Err(_) => body.clone(),
    }
}

fn delayed(mut message: Value, delay: u32) -> Value {
    if delay > 0 {
        message["DelaySeconds"] = json!(delay);
    }
    message
}
