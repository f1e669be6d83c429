//! API Gateway's HTTP API with the template's routes, limits and own answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::edge::Edge;
use super::payload::{self, Door, message};
use super::routes::{Match, Routes};
use crate::lambda::{Functions, InvokeError, PAYLOAD_LIMIT};
use crate::template::Template;

/// Integrations may take this long.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);
/// Request line and header values together.
const HEADER_LIMIT: usize = 10_240;
/// More of a refused body than this is not even read.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// The API.
pub struct HttpApi {
    routes: Routes,
    functions: Arc<Functions>,
    edge: Option<Edge>,
}

impl HttpApi {
    /// Routes of the template; `edge` takes the paths that are the edge's.
    pub fn new(template: &Template, functions: Arc<Functions>, edge: Option<http::Uri>) -> Self {
        Self { routes: Routes::new(template.functions.iter()), functions, edge: edge.map(Edge::new) }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        if Edge::is_its_path(request.uri().path()) {
            return match &self.edge {
                Some(edge) => edge.forward(request, peer).await,
                None => message(StatusCode::NOT_FOUND, "Not Found"),
            };
        }
        let request_id = uuid::Uuid::new_v4().to_string();
        let mut response = self.invoke(request, peer, &request_id).await;
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("apigw-requestid", value);
        }
        response
    }

    async fn invoke(&self, request: Request<Incoming>, peer: SocketAddr, request_id: &str) -> Response<Body> {
        let (parts, body) = request.into_parts();
        if header_size(&parts) > HEADER_LIMIT {
            return message(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large");
        }
        let Some(matched) = self.routes.find(parts.method.as_str(), parts.uri.path()) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let body = match read(body).await {
            Ok(body) => body,
            Err(answer) => return *answer,
        };
        let event = payload::event(Door::HttpApi, &parts, &body, peer.ip(), &matched, request_id);
        if event.len() > PAYLOAD_LIMIT {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        let invoked = tokio::time::timeout(INTEGRATION_LIMIT, self.functions.invoke(&matched.function, event.into()));
        answer(&matched, invoked.await)
    }
}

fn answer<E>(matched: &Match, outcome: Result<Result<Bytes, InvokeError>, E>) -> Response<Body> {
    let failed = || message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    match outcome {
        Ok(Ok(result)) => payload::response(&result).unwrap_or_else(|| {
            tracing::error!(function = matched.function, "the function's answer is no HTTP response");
            failed()
        }),
        // A function's own timeout and an API's look the same from outside.
        Ok(Err(InvokeError::TimedOut { .. })) | Err(_) => {
            message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
        Ok(Err(error)) => {
            tracing::error!(function = matched.function, %error, "no answer for the caller");
            failed()
        }
    }
}

/// Reads at most what Lambda would take. The rest of a longer body is read and dropped, so that the
/// caller is still there to see the answer.
async fn read(mut body: Incoming) -> Result<Bytes, Box<Response<Body>>> {
    let mut whole = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Box::new(message(StatusCode::BAD_REQUEST, "Bad Request")));
        };
        let Some(data) = frame.data_ref() else { continue };
        size += data.len();
        if size <= PAYLOAD_LIMIT {
            whole.extend_from_slice(data);
        } else if size > DRAIN_LIMIT {
            break;
        }
    }
    if size > PAYLOAD_LIMIT {
        return Err(Box::new(message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")));
    }
    Ok(whole.freeze())
}

fn header_size(parts: &http::request::Parts) -> usize {
    let line = parts.method.as_str().len() + parts.uri.to_string().len();
    parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() + line
}
