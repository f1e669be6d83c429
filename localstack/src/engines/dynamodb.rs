//! DynamoDB and DynamoDB Streams: `dynoxide-rs`, pinned exactly, behind a loopback port.
//!
//! The engine offers a listener, not a router, and blocks its thread while SQLite works. So it gets
//! a runtime of its own and our endpoint forwards to it over kept-alive connections.

use std::path::Path;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::sync::oneshot;

use super::EngineError;

/// Header DynamoDB and SQS clients name the operation in.
const TARGET: &str = "x-amz-target";
/// The engine checks that a signature is present, never whether it is right.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=00";
const WORKERS: usize = 4;

/// The running engine.
pub struct DynamoDb {
    database: dynoxide::Database,
    origin: String,
    client: Client<HttpConnector, Body>,
    runtime: Option<tokio::runtime::Runtime>,
    stop: Option<oneshot::Sender<()>>,
}

impl DynamoDb {
    /// Opens the file (or memory when there is none) and starts to serve.
    pub fn open(file: Option<&Path>) -> Result<Self, EngineError> {
        let failed = |reason: String| EngineError::Open { engine: "dynamodb", reason };
        let database = match file {
            Some(path) => dynoxide::Database::new(&path.to_string_lossy()),
            None => dynoxide::Database::memory(),
        }
        .map_err(|error| failed(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("dynamodb")
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| failed(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        listener.set_nonblocking(true).map_err(|error| failed(error.to_string()))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = database.clone();
        runtime.spawn(async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(%error, "dynamodb listener"),
            };
            let until = async move { drop(stopped.await) };
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, served, until).await {
                tracing::error!(%error, "dynamodb engine stopped");
            }
        });
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let origin = format!("http://{address}/");
        Ok(Self { database, origin, client, runtime: Some(runtime), stop: Some(stop) })
    }

    /// Passes a client's request on, body already read.
    pub async fn forward(&self, parts: &http::request::Parts, body: Bytes) -> Result<Response<Bytes>, EngineError> {
        let mut request = Request::builder().method(parts.method.clone()).uri(self.uri(parts.uri.query()));
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&parts.headers);
            headers.remove(header::HOST);
            headers.remove(header::CONTENT_LENGTH);
            headers.remove(header::TRANSFER_ENCODING);
            headers.remove(header::CONNECTION);
        }
        let request = request.body(Body::from(body)).map_err(|error| self.refused("forward", error))?;
        self.send(request).await
    }

    /// A call of our own: provisioning, stream reading.
    pub async fn call(&self, target: &str, body: &Value) -> Result<Value, EngineError> {
        let request = Request::post(&self.origin)
            .header(TARGET, target)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
            .header("x-amz-date", "20260101T000000Z")
            .header(header::AUTHORIZATION, AUTHORIZATION)
            .body(Body::from(body.to_string()))
            .map_err(|error| self.refused(target, error))?;
        let response = self.send(request).await?;
        let answer: Value = serde_json::from_slice(response.body()).map_err(|error| self.refused(target, error))?;
        if response.status().is_success() { Ok(answer) } else { Err(self.refused(target, answer)) }
    }

    /// Deletes items past their TTL; says how many.
    pub async fn sweep_expired(&self) -> Result<usize, EngineError> {
        let database = self.database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        swept.map_err(|error| self.refused("sweep", error))?.map_err(|error| self.refused("sweep", error))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Bytes>, EngineError> {
        let response = self.client.request(request).await.map_err(|error| self.refused("send", error))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| self.refused("receive", error))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    fn uri(&self, query: Option<&str>) -> String {
        match query {
            Some(query) => format!("{}?{query}", self.origin),
            None => self.origin.clone(),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the engine's own refusal at every call")]
    fn refused(&self, operation: &str, reason: impl ToString) -> EngineError {
        EngineError::Refused { operation: operation.to_owned(), reason: reason.to_string() }
    }
}

impl Drop for DynamoDb {
    // What was answered is in the file already. A runtime may not block while it is dropped inside
    // another one, so it is let go.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
