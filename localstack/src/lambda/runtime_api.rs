//! The Lambda Runtime API of one process: every process has a listener of its own, so the
//! connection says who asks. Requests become events for the task that owns the process.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::PAYLOAD_LIMIT;
use crate::http_server::{self, LostAnswer};

/// What a process gets when it asks for work.
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) deadline_ms: u128,
    pub(super) function_arn: String,
    pub(super) payload: Bytes,
}

/// What a process says.
pub(super) enum RuntimeEvent {
    /// It wants the next invocation; so it is done with the last.
    Next(oneshot::Sender<Delivery>),
    /// Its answer.
    Response { request_id: String, body: Answer, accepted: oneshot::Sender<bool> },
    /// Its failure, as an error object.
    Failure { request_id: String, body: Bytes, accepted: oneshot::Sender<bool> },
    /// It could not start.
    InitFailure { body: Bytes },
}

/// A response body that was read, or that was too large to be.
pub(super) enum Answer {
    Whole(Bytes),
    TooLarge,
}

/// Serves until dropped.
pub(super) async fn serve(listener: TcpListener, events: mpsc::Sender<RuntimeEvent>) {
    http_server::serve(listener, move |request, _| {
        let events = events.clone();
        async move { route(request, events).await }
    })
    .await;
}

async fn route(request: Request<Incoming>, events: mpsc::Sender<RuntimeEvent>) -> Result<Response<Body>, LostAnswer> {
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else {
        return Ok(problem(StatusCode::NOT_FOUND, "unknown path"));
    };
    match (request.method(), path.split('/').collect::<Vec<_>>().as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(events).await,
        (&Method::POST, ["invocation", id, "response"]) => respond(id, request, events).await,
        (&Method::POST, ["invocation", id, "error"]) => fail(id, request, events).await,
        (&Method::POST, ["init", "error"]) => {
            let body = read(request).await?;
            if let Answer::Whole(body) = body {
                drop(events.send(RuntimeEvent::InitFailure { body }).await);
            }
            Ok(accepted())
        }
        _ => Ok(problem(StatusCode::NOT_FOUND, "unknown path")),
    }
}

async fn next(events: mpsc::Sender<RuntimeEvent>) -> Result<Response<Body>, LostAnswer> {
    let (sender, delivery) = oneshot::channel();
    events.send(RuntimeEvent::Next(sender)).await.map_err(|_| LostAnswer)?;
    // The owner drops the sender when it ends the process: there is nobody to answer then.
    let delivery = delivery.await.map_err(|_| LostAnswer)?;
    let mut response = Response::new(Body::from(delivery.payload));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in [
        ("lambda-runtime-aws-request-id", delivery.request_id),
        ("lambda-runtime-deadline-ms", delivery.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", delivery.function_arn),
        ("lambda-runtime-trace-id", format!("Root=1-00000000-{}", "0".repeat(24))),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

async fn respond(
    id: &str,
    request: Request<Incoming>,
    events: mpsc::Sender<RuntimeEvent>,
) -> Result<Response<Body>, LostAnswer> {
    let body = read(request).await?;
    let too_large = matches!(body, Answer::TooLarge);
    let (accepted, verdict) = oneshot::channel();
    let event = RuntimeEvent::Response { request_id: id.to_owned(), body, accepted };
    events.send(event).await.map_err(|_| LostAnswer)?;
    let known = verdict.await.map_err(|_| LostAnswer)?;
    if too_large {
        return Ok(problem(StatusCode::PAYLOAD_TOO_LARGE, "the response is larger than 6 MB"));
    }
    Ok(acknowledge(known))
}

async fn fail(
    id: &str,
    request: Request<Incoming>,
    events: mpsc::Sender<RuntimeEvent>,
) -> Result<Response<Body>, LostAnswer> {
    let Answer::Whole(body) = read(request).await? else {
        return Ok(problem(StatusCode::PAYLOAD_TOO_LARGE, "the error is larger than 6 MB"));
    };
    let (accepted, verdict) = oneshot::channel();
    let event = RuntimeEvent::Failure { request_id: id.to_owned(), body, accepted };
    events.send(event).await.map_err(|_| LostAnswer)?;
    Ok(acknowledge(verdict.await.map_err(|_| LostAnswer)?))
}

/// A body that breaks off is a process that died: nobody is there to be answered.
async fn read(request: Request<Incoming>) -> Result<Answer, LostAnswer> {
    match Limited::new(request.into_body(), PAYLOAD_LIMIT).collect().await {
        Ok(body) => Ok(Answer::Whole(body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(Answer::TooLarge),
        Err(_) => Err(LostAnswer),
    }
}

fn acknowledge(known: bool) -> Response<Body> {
    if known { accepted() } else { problem(StatusCode::BAD_REQUEST, "not the invocation in progress") }
}

fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::from(r#"{"status":"OK"}"#));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn problem(status: StatusCode, message: &str) -> Response<Body> {
    let mut response =
        Response::new(Body::from(json!({ "errorMessage": message, "errorType": "InvalidRequest" }).to_string()));
    *response.status_mut() = status;
    response
}
