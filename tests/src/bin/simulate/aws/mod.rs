//! AWS within the process: the SDK's HTTP connector, replaced by one that calls the embedded engines.
//!
//! * [`table`] DynamoDB by `dynoxide`, with indexes that lag behind
//! * [`queues`] SQS that loses, doubles, delays and reorders
//! * [`bucket`] S3, as far as functions and runners use it

pub mod bucket;
pub mod queues;
pub mod table;

use std::sync::Arc;

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;

use self::{bucket::Bucket, queues::Queues, table::Table};
use crate::{chance, life::Life};

/// All of it; clones share.
#[derive(Clone)]
pub struct Aws {
    /// Who asks, if that is an agent.
    life: Option<Arc<Life>>,
    pub table: Arc<Table>,
    pub queues: Arc<Queues>,
    pub bucket: Arc<Bucket>,
}

/// An answer: status and body. None when the connection broke before it came.
pub type Answer = Option<(u16, String)>;

impl Aws {
    pub fn new() -> Self {
        Self { life: None, table: Arc::default(), queues: Arc::default(), bucket: Arc::default() }
    }

    /// As this agent reaches it.
    pub fn of(&self, life: &Arc<Life>) -> Self {
        Self { life: Some(Arc::clone(life)), ..self.clone() }
    }

    /// For every SDK client of this world.
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Connector(self.clone()));
        http_client_fn(move |_, _| connector.clone())
    }

    async fn answer(&self, request: Request) -> Answer {
        chance::latency().await;
        if let Some(life) = &self.life {
            life.breathe().await;
            if life.is_cut() {
                return None;
            }
        }
        let answer = match request.target.split_once('.') {
            Some((service, operation)) if service.starts_with("DynamoDB_") => self.table.call(operation, &request.body),
            Some((_, operation)) => self.queues.call(operation, &request.body).await,
            None => Some(self.bucket.call(&request.method, &request.uri, &request.body)),
        };
        chance::latency().await;
        if let Some(life) = &self.life {
            life.breathe().await;
        }
        answer
    }
}

struct Request {
    target: String,
    method: String,
    uri: String,
    body: Vec<u8>,
}

struct Connector(Aws);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.0.clone();
        let asked = Request {
            target: request.headers().get("x-amz-target").unwrap_or_default().to_owned(),
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        };
        HttpConnectorFuture::new(async move {
            let Some((status, body)) = aws.answer(asked).await else {
                return Err(ConnectorError::io("the connection broke".into()));
            };
            let status = status.try_into().map_err(|_| ConnectorError::user("not a status".into()))?;
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        })
    }
}
