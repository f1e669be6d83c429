//! How a request reaches the control plane: over HTTP, or within the process in the simulation.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// Longer than the function's own time limit would only hide a lost answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there was no answer.
pub type NoAnswer = Box<dyn std::error::Error + Send + Sync>;

/// Carries a request there and the whole answer back.
#[async_trait]
pub trait Transport: Send + Sync {
    /// One attempt. Without an answer nobody knows whether the request was heard.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer>;
}

/// Over the network.
pub struct Http(reqwest::Client);

impl Http {
    /// A client of its own, whose connections are kept.
    ///
    /// # Errors
    /// When the TLS set-up of this machine cannot be read.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(CALL_TIMEOUT).connect_timeout(CONNECT_TIMEOUT).build()?;
        Ok(Self(client))
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let answer = self.0.execute(reqwest::Request::try_from(request)?).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut whole = Response::new(answer.bytes().await?);
        *whole.status_mut() = status;
        *whole.headers_mut() = headers;
        Ok(whole)
    }
}
