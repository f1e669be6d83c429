//! The AWS endpoint: one port for every service, as clients see it through `AWS_ENDPOINT_URL`.
//!
//! * [`dynamodb`] - DynamoDB and Streams, with faults and capacity counting
//! * [`sqs`] - SQS, with faults; queue existence is written before the answer
//! * [`lambda_api`] - `Invoke`
//! * [`control`] - `/_paddock/...`: stats, faults, health
//! * [`browser`] - which callers are pages, and refused
//!
//! Whatever is none of these is S3, whose requests carry no service name.

mod browser;
mod control;
mod dynamodb;
mod lambda_api;
mod sqs;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::bridge::function_url;
use crate::engines::dynamodb::DynamoDb;
use crate::engines::s3::S3;
use crate::engines::sqs::Sqs;
use crate::faults::Faults;
use crate::http_server::LostAnswer;
use crate::lambda::Functions;
use crate::stats::Stats;

/// DynamoDB takes 16 MB, no other JSON service takes more.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Everything behind the port.
pub struct Endpoint {
    /// DynamoDB.
    pub dynamodb: Arc<DynamoDb>,
    /// SQS.
    pub sqs: Arc<Sqs>,
    /// S3.
    pub s3: Arc<S3>,
    /// Lambda.
    pub functions: Arc<Functions>,
    /// Faults in force.
    pub faults: Arc<Faults>,
    /// Counters.
    pub stats: Arc<Stats>,
    /// Changes after each write to a table: stream readers wait for it instead of polling.
    pub table_written: watch::Sender<()>,
}

impl Endpoint {
    /// Answers one request.
    pub async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, LostAnswer> {
        if let Some(function) = function_url::function_of_host(request.headers()) {
            return Ok(function_url::answer(&self.functions, &function, request, peer).await);
        }
        if browser::is_from_page(request.headers()) {
            let message = "this endpoint checks no signatures, so it answers no pages";
            return Ok(aws_error(StatusCode::FORBIDDEN, "AccessDeniedException", message));
        }
        let target = target(request.headers());
        match target.split_once('.') {
            Some(("DynamoDB_20120810" | "DynamoDBStreams_20120810", operation)) => {
                return dynamodb::answer(&self, operation, request).await;
            }
            Some(("AmazonSQS", operation)) => return Ok(sqs::answer(&self, operation, request).await),
            _ => {}
        }
        if let Some(rest) = request.uri().path().strip_prefix("/_paddock/") {
            let rest = rest.to_owned();
            return Ok(control::answer(&self, &rest, request).await);
        }
        if let Some(rest) = request.uri().path().strip_prefix("/2015-03-31/functions/") {
            let rest = rest.to_owned();
            return Ok(lambda_api::answer(self, &rest, request).await);
        }
        let method = request.method().to_string();
        let response = self.s3.answer(request).await;
        self.stats.s3(&method, !response.status().is_success());
        Ok(response)
    }
}

fn target(headers: &HeaderMap) -> String {
    headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The whole body, or the answer that says why not.
async fn read(body: Incoming) -> Result<Bytes, Box<Response<Body>>> {
    let read = Limited::new(body, BODY_LIMIT).collect().await;
    read.map(|body| body.to_bytes()).map_err(|error| {
        Box::new(json(StatusCode::PAYLOAD_TOO_LARGE, &serde_json::json!({ "message": error.to_string() })))
    })
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response<Body> {
    let text = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

/// An error of the AWS JSON protocols.
fn aws_error(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    let mut response = json(status, &serde_json::json!({ "__type": kind, "message": message }));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}
