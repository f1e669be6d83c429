//! SQS: `rustack-sqs`, pinned exactly.
//!
//! The engine is memory only. Messages may be lost with the process, since queues hold no truth
//! (design section 3); that a queue *exists* is kept in a file, written before the answer to
//! whatever changed it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Response};
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::dispatch::dispatch_operation;
use rustack_sqs_http::response::error_to_response;
use rustack_sqs_http::router::resolve_operation;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::EngineError;
use crate::template::{ACCOUNT, REGION};

/// The running engine.
pub struct Sqs {
    provider: Arc<RustackSqs>,
    handler: RustackSqsHandler,
    /// Where the queues are written; the lock orders writers.
    file: Option<Mutex<PathBuf>>,
}

impl Sqs {
    /// Starts with the queues of the file, if there is one. `host` and `port` go into queue URLs.
    pub async fn open(file: Option<&Path>, host: &str, port: u16) -> Result<Self, EngineError> {
        let provider = Arc::new(RustackSqs::new(SqsConfig {
            skip_signature_validation: true,
            default_region: REGION.into(),
            account_id: ACCOUNT.into(),
            host: host.into(),
            port,
        }));
        if let Some(path) = file.filter(|path| path.exists()) {
            let failed =
                |reason: String| EngineError::Open { engine: "sqs", reason: format!("{}: {reason}", path.display()) };
            let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
            let snapshot = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
            provider.import_snapshot(snapshot).await.map_err(|error| failed(error.to_string()))?;
        }
        let handler = RustackSqsHandler::new(provider.clone());
        Ok(Self { provider, handler, file: file.map(|path| Mutex::new(path.to_owned())) })
    }

    /// Answers a client's request.
    pub async fn answer(&self, headers: &HeaderMap, body: Bytes) -> Response<Body> {
        let request_id = uuid::Uuid::new_v4().to_string();
        let answered = match resolve_operation(headers) {
            Ok(operation) => dispatch_operation(&self.handler, operation, body).await,
            Err(error) => Err(error),
        };
        match answered {
            Ok(response) => response.map(Body::new),
            Err(error) => error_to_response(&error, &request_id).map(Body::new),
        }
    }

    /// A call of our own, by operation name.
    pub async fn call(&self, operation: &str, body: &Value) -> Result<Value, EngineError> {
        let refused = |reason: String| EngineError::Refused { operation: operation.into(), reason };
        let mut headers = HeaderMap::new();
        let target = format!("AmazonSQS.{operation}").parse().map_err(|_| refused("unusable name".into()))?;
        headers.insert("x-amz-target", target);
        let response = self.answer(&headers, body.to_string().into()).await;
        let status = response.status();
        let bytes =
            axum::body::to_bytes(response.into_body(), usize::MAX).await.map_err(|error| refused(error.to_string()))?;
        let answer = if bytes.is_empty() { Ok(json!({})) } else { serde_json::from_slice(&bytes) };
        match answer {
            Ok(answer) if status.is_success() => Ok(answer),
            Ok(answer) => Err(refused(answer.to_string())),
            Err(error) => Err(refused(error.to_string())),
        }
    }

    /// Writes the queues down; whole or not at all.
    pub async fn persist(&self) -> Result<(), EngineError> {
        let Some(file) = &self.file else { return Ok(()) };
        let refused = |reason: String| EngineError::Refused { operation: "persist".into(), reason };
        let path = file.lock().await;
        let snapshot = self.provider.export_snapshot().await.map_err(|error| refused(error.to_string()))?;
        let text = serde_json::to_vec_pretty(&snapshot).map_err(|error| refused(error.to_string()))?;
        let fresh = path.with_extension("json.new");
        tokio::fs::write(&fresh, text).await.map_err(|error| refused(error.to_string()))?;
        tokio::fs::rename(&fresh, &*path).await.map_err(|error| refused(error.to_string()))
    }
}
