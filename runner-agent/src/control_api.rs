//! The control plane's agents API (`wire::agents`), called with the agent's own token.
//!
//! A token may be replaced behind our back (the same runner id registered again, a wiped table): a 401 makes
//! the client register again once and repeat the call.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use paddock_wire::{
    agents::{
        AGENT_TOKEN_REFUSED, Authorize, CaptureBegin, CaptureComplete, CapturePartUrls, CaptureParts, CaptureUpload,
        Grant, Heartbeat, HeartbeatAnswer, Inventory, InventoryAnswer, Register, RegisterProof, Registered, Reports,
        ReportsAnswer, Revocations,
    },
    work::Work,
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use self::transport::{Http, NoAnswer, Transport};

pub mod transport;

const AUTHORIZE: &str = "/authorize";

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlApiError {
    /// No answer, or not one of ours. Whether it was done is unknown.
    #[error("control plane does not answer")]
    Unreachable(#[source] NoAnswer),
    /// It answered no. For `authorize` the body is the public error body, to be passed on.
    #[error("control plane answered {status}: {}", String::from_utf8_lossy(body))]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// Body as it came.
        body: Bytes,
    },
    /// It does not know our token, not even the one of a fresh registration.
    #[error("control plane refuses the agent's token")]
    TokenRefused,
    /// A body that is not what the contract says.
    #[error("control plane sent a body that cannot be read")]
    Malformed(#[from] serde_json::Error),
    /// A call before the first registration.
    #[error("not registered yet")]
    NotRegistered,
}

impl ControlApiError {
    /// The status, when there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::TokenRefused => Some(StatusCode::UNAUTHORIZED),
            Self::Unreachable(_) | Self::Malformed(_) | Self::NotRegistered => None,
        }
    }
}

/// Signs that this agent is the one with that id.
type Prove = Box<dyn Fn(Uuid) -> RegisterProof + Send + Sync>;

/// Client of the agents API; share it in an `Arc`.
pub struct ControlApi {
    transport: Arc<dyn Transport>,
    base: String,
    join_token: String,
    introduction: RwLock<Register>,
    prove: Option<Prove>,
    session: RwLock<Option<Arc<Registered>>>,
    /// Only one registration at a time: each makes the token of the other worthless.
    registering: tokio::sync::Mutex<()>,
}

impl ControlApi {
    /// `base` is `{api origin}/agents`; `introduction` is what this agent says of itself.
    ///
    /// # Errors
    /// When the TLS set-up of this machine cannot be read.
    pub fn new(base: &str, join_token: &str, introduction: Register) -> Result<Self, ControlApiError> {
        let http = Http::new().map_err(|error| ControlApiError::Unreachable(error.into()))?;
        Ok(Self::over(Arc::new(http), base, join_token, introduction))
    }

    /// The same with another way to the control plane.
    #[must_use]
    pub fn over(transport: Arc<dyn Transport>, base: &str, join_token: &str, introduction: Register) -> Self {
        Self {
            transport,
            base: base.trim_end_matches('/').to_owned(),
            join_token: join_token.to_owned(),
            introduction: RwLock::new(introduction),
            prove: None,
            session: RwLock::default(),
            registering: tokio::sync::Mutex::default(),
        }
    }

    /// Each registration under a known id is made with this.
    #[must_use]
    pub fn with_proof(mut self, prove: impl Fn(Uuid) -> RegisterProof + Send + Sync + 'static) -> Self {
        self.prove = Some(Box::new(prove));
        self
    }

    /// What the last registration gave: runner id, deployment, queue, keys.
    ///
    /// # Errors
    /// Before the first registration.
    pub fn session(&self) -> Result<Arc<Registered>, ControlApiError> {
        self.session.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(ControlApiError::NotRegistered)
    }

    /// `POST /agents/register`, one attempt; later calls use the token it gave.
    ///
    /// # Errors
    /// As every call.
    pub async fn register(&self) -> Result<Arc<Registered>, ControlApiError> {
        let _one_at_a_time = self.registering.lock().await;
        self.register_locked().await
    }

    /// `POST /agents/heartbeat`.
    ///
    /// # Errors
    /// As every call.
    pub async fn heartbeat(&self, body: &Heartbeat) -> Result<HeartbeatAnswer, ControlApiError> {
        self.call(Method::POST, "/heartbeat", Some(body)).await
    }

    /// `POST /agents/inventory`.
    ///
    /// # Errors
    /// As every call.
    pub async fn inventory(&self, body: &Inventory) -> Result<InventoryAnswer, ControlApiError> {
        self.call(Method::POST, "/inventory", Some(body)).await
    }

    /// `POST /agents/reports`, at most 25.
    ///
    /// # Errors
    /// As every call.
    pub async fn reports(&self, body: &Reports) -> Result<ReportsAnswer, ControlApiError> {
        self.call(Method::POST, "/reports", Some(body)).await
    }

    /// `GET /agents/work/{sandbox_id}`: none when this runner does not own it.
    ///
    /// # Errors
    /// As every call, but for 404.
    pub async fn work(&self, sandbox_id: Uuid) -> Result<Option<Work>, ControlApiError> {
        match self.call::<(), _>(Method::GET, &format!("/work/{sandbox_id}"), None).await {
            Ok(work) => Ok(Some(work)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `POST /agents/captures/{id}/begin`: 404 when this runner has no such capture to make.
    ///
    /// # Errors
    /// As every call.
    pub async fn capture_begin(&self, id: Uuid, body: &CaptureBegin) -> Result<CaptureUpload, ControlApiError> {
        self.call(Method::POST, &format!("/captures/{id}/begin"), Some(body)).await
    }

    /// `POST /agents/captures/{id}/parts`, at most 100.
    ///
    /// # Errors
    /// As every call.
    pub async fn capture_parts(&self, id: Uuid, body: &CaptureParts) -> Result<CapturePartUrls, ControlApiError> {
        self.call(Method::POST, &format!("/captures/{id}/parts"), Some(body)).await
    }

    /// `POST /agents/captures/{id}/complete`; to repeat it is fine.
    ///
    /// # Errors
    /// As every call.
    pub async fn capture_complete(&self, id: Uuid, body: &CaptureComplete) -> Result<(), ControlApiError> {
        self.call(Method::POST, &format!("/captures/{id}/complete"), Some(body)).await
    }

    /// `POST /agents/authorize`: a 401, 403 or 404 is [`ControlApiError::Refused`] with the public error body.
    ///
    /// # Errors
    /// As every call.
    pub async fn authorize(&self, body: &Authorize) -> Result<Grant, ControlApiError> {
        self.call(Method::POST, AUTHORIZE, Some(body)).await
    }

    /// `GET /agents/revocations`; without a cursor the feed starts now.
    ///
    /// # Errors
    /// As every call.
    pub async fn revocations(&self, since: Option<&str>) -> Result<Revocations, ControlApiError> {
        let since = percent_encoding::utf8_percent_encode(since.unwrap_or(""), percent_encoding::NON_ALPHANUMERIC);
        self.call::<(), _>(Method::GET, &format!("/revocations?since={since}"), None).await
    }

    async fn call<B, A>(&self, method: Method, path: &str, body: Option<&B>) -> Result<A, ControlApiError>
    where
        B: Serialize + Sync + ?Sized,
        A: DeserializeOwned,
    {
        let session = self.session()?;
        match self.send(method.clone(), path, body, &session.token).await {
            Err(ControlApiError::TokenRefused) => {
                let renewed = self.renew(&session.token).await?;
                self.send(method, path, body, &renewed.token).await
            }
            other => other,
        }
    }

    /// Registers again unless someone else just did.
    async fn renew(&self, rejected: &str) -> Result<Arc<Registered>, ControlApiError> {
        let _one_at_a_time = self.registering.lock().await;
        let current = self.session()?;
        if current.token != rejected {
            return Ok(current);
        }
        tracing::warn!("the control plane no longer knows our token; registering again");
        self.register_locked().await
    }

    async fn register_locked(&self) -> Result<Arc<Registered>, ControlApiError> {
        let mut introduction = self.introduction.read().unwrap_or_else(PoisonError::into_inner).clone();
        // Signed each time: a proof is good for minutes.
        introduction.proof = introduction.runner_id.zip(self.prove.as_ref()).map(|(id, prove)| prove(id));
        let registered: Registered =
            self.send(Method::POST, "/register", Some(&introduction), &self.join_token).await?;
        self.introduction.write().unwrap_or_else(PoisonError::into_inner).runner_id = Some(registered.runner_id);
        let registered = Arc::new(registered);
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&registered));
        Ok(registered)
    }

    async fn send<B, A>(&self, method: Method, path: &str, body: Option<&B>, token: &str) -> Result<A, ControlApiError>
    where
        B: Serialize + Sync + ?Sized,
        A: DeserializeOwned,
    {
        let request = self.request(method, path, body, token)?;
        let response = self.transport.send(request).await.map_err(ControlApiError::Unreachable)?;
        let status = response.status();
        // `authorize` answers 401 for the caller's credential too; there ours is at fault when the header says so.
        let about_us = path != AUTHORIZE || response.headers().contains_key(AGENT_TOKEN_REFUSED);
        if status == StatusCode::UNAUTHORIZED && about_us {
            return Err(ControlApiError::TokenRefused);
        }
        let body = response.into_body();
        if !status.is_success() {
            return Err(ControlApiError::Refused { status, body });
        }
        // A 204 says as much as `null`.
        Ok(serde_json::from_slice(if status == StatusCode::NO_CONTENT { b"null" } else { &body })?)
    }

    fn request<B>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
        token: &str,
    ) -> Result<Request<Bytes>, ControlApiError>
    where
        B: Serialize + ?Sized,
    {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let unsendable = |error: http::Error| ControlApiError::Unreachable(error.into());
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| unsendable(error.into()))?;
        bearer.set_sensitive(true);
        request.header(header::AUTHORIZATION, bearer).body(Bytes::from(bytes)).map_err(unsendable)
    }
}
