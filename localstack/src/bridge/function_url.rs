//! Function URLs: `http://<function>.lambda-url.<region>.localhost:4566/...`. On emulators without
//! HTTP APIs they are the way in; here they serve to compare both.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Body;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::payload::{self, Door, message};
use super::routes::Match;
use crate::lambda::{Functions, InvokeError, PAYLOAD_LIMIT};

/// The function a host name stands for.
pub fn function_of_host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    host.split_once(".lambda-url.").map(|(function, _)| function.to_owned())
}

/// Answers one request.
pub async fn answer(
    functions: &Functions,
    function: &str,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Body> {
    if functions.get(function).is_none() {
        return message(StatusCode::FORBIDDEN, "Forbidden");
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, PAYLOAD_LIMIT).collect().await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let matched = Match { function: function.into(), route_key: "$default".into(), parameters: BTreeMap::new() };
    let id = uuid::Uuid::new_v4().to_string();
    let event = payload::event(Door::FunctionUrl, &parts, &body.to_bytes(), peer.ip(), &matched, &id);
    if event.len() > PAYLOAD_LIMIT {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    let failed = || message(StatusCode::BAD_GATEWAY, "Internal Server Error");
    match functions.invoke(function, event.into()).await {
        Ok(result) => payload::response(&result).unwrap_or_else(failed),
        Err(InvokeError::TimedOut { .. }) => message(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out"),
        Err(error) => {
            tracing::error!(function, %error, "no answer for the caller");
            failed()
        }
    }
}
