//! `POST /2015-03-31/functions/{name}/invocations`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::{Endpoint, json as json_response, read};
use crate::lambda::{InvokeError, PAYLOAD_LIMIT};

/// AWS tries a failed asynchronous invocation twice more, after one and two minutes.
const ASYNC_RETRIES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];

pub(super) async fn answer(endpoint: Arc<Endpoint>, rest: &str, request: Request<Incoming>) -> Response<Body> {
    let Some(name) = rest.strip_suffix("/invocations").filter(|_| request.method() == Method::POST) else {
        return problem(StatusCode::NOT_FOUND, "ResourceNotFoundException", "only invocations are served here");
    };
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned();
    if endpoint.functions.get(&name).is_none() {
        let message = InvokeError::UnknownFunction(name).to_string();
        return problem(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message);
    }
    let kind = request.headers().get("x-amz-invocation-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let payload = match read(request.into_body()).await {
        Ok(payload) if payload.is_empty() => Bytes::from_static(b"{}"),
        Ok(payload) => payload,
        Err(answer) => return *answer,
    };
    if payload.len() > PAYLOAD_LIMIT {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", "the payload is larger than 6 MB");
    }
    if serde_json::from_slice::<serde::de::IgnoredAny>(&payload).is_err() {
        return problem(StatusCode::BAD_REQUEST, "InvalidRequestContentException", "the payload is not JSON");
    }
    match kind.as_deref() {
        Some("DryRun") => status(StatusCode::NO_CONTENT),
        Some("Event") => {
            tokio::spawn(run_in_background(endpoint, name, payload));
            status(StatusCode::ACCEPTED)
        }
        _ => run(&endpoint, &name, payload).await,
    }
}

async fn run(endpoint: &Endpoint, name: &str, payload: Bytes) -> Response<Body> {
    let (body, failed) = match endpoint.functions.invoke(name, payload).await {
        Ok(body) => (body, false),
        Err(error @ InvokeError::NotStarted(_)) => {
            return problem(StatusCode::BAD_GATEWAY, "InvalidRuntimeException", &error.to_string());
        }
        Err(error) => (error.payload(), true),
    };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if failed {
        response.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    response
}

async fn run_in_background(endpoint: Arc<Endpoint>, name: String, payload: Bytes) {
    let mut retries = ASYNC_RETRIES.iter();
    while let Err(error) = endpoint.functions.invoke(&name, payload.clone()).await {
        let Some(pause) = retries.next() else {
            return tracing::error!(function = name, %error, "asynchronous invocation given up");
        };
        tracing::warn!(function = name, %error, "asynchronous invocation will be tried again");
        tokio::time::sleep(*pause).await;
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn problem(status: StatusCode, kind: &'static str, message: &str) -> Response<Body> {
    let mut response = json_response(status, &json!({ "Type": "User", "Message": message }));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
    response
}
