//! The one place where status codes are chosen, and the one shape of every refusal.
//!
//! Handlers return [`ApiError`]; the layer [`shape_errors`] gives it the path and the time, which only it knows. It
//! also gives the shape to refusals that axum makes on its own.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use paddock_model::lifecycle::Refusal;
use paddock_wire::api::error::{ErrorResponse, SOURCE_API};
use paddock_wire::api::timestamp::Timestamp;

use crate::actions;
use crate::app::system_clock;

/// Paths longer than this are cut in error bodies.
const SHOWN_PATH: usize = 1024;

/// A refusal: what the caller reads, and nothing that he must not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The request itself is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message)
    }

    /// The request is right, but this version cannot do it; accepting and ignoring would be worse.
    pub fn not_supported_yet(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "NOT_SUPPORTED", format!("not supported yet: {what}"))
    }

    /// The state of the object does not allow it, and waiting will not help.
    pub fn not_in_state(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_STATE", message)
    }

    /// A quota or a limit per sandbox would be exceeded.
    pub fn quota(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "QUOTA_EXCEEDED", message)
    }

    /// No usable credentials.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
    }

    /// Known caller, not allowed.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// Not there, or not the caller's: he cannot tell which.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// The name is taken.
    pub fn taken(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", message)
    }

    /// Another change is under way.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "STATE_CHANGE_IN_PROGRESS", message)
    }

    /// It must be emptied first.
    pub fn not_empty(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "NOT_EMPTY", message)
    }

    /// More bytes than we read.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", message)
    }

    /// Too many requests.
    pub fn rate_limited(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
    }

    /// Something we depend on is busy; the same request may succeed soon.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    }

    /// Our fault. The reason is logged here, where it is handled, and not shown.
    pub fn internal(reason: &dyn std::error::Error) -> Self {
        let mut chain = reason.to_string();
        let mut source = reason.source();
        while let Some(error) = source {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            source = error.source();
        }
        tracing::error!(reason = chain, "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "internal error; nothing more can be said here")
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body it is answered with, for a path.
    pub fn body(&self, path: &str) -> ErrorResponse {
        let path: String = path.chars().take(SHOWN_PATH).collect();
        ErrorResponse {
            path,
            timestamp: Timestamp(system_clock()),
            status_code: self.status.as_u16(),
            error: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            message: self.message.clone(),
            code: self.code.to_owned(),
            source: SOURCE_API.to_owned(),
        }
    }
}

impl IntoResponse for ApiError {
    /// Without a body: [`shape_errors`] knows the path and writes it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every refusal the wire's body.
pub async fn shape_errors(request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let error = match response.extensions().get::<ApiError>() {
        Some(error) => error.clone(),
        None => ApiError::new(status, "REFUSED", status.canonical_reason().unwrap_or("refused")),
    };
    let (mut parts, _) = response.into_parts();
    let body = serde_json::to_vec(&error.body(&path)).unwrap_or_default();
    parts.headers.remove(http::header::CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, Body::from(body))
}

impl ApiError {
    /// A refused create: a snapshot that the body names and nobody has is a wrong body, not a wrong path.
    pub fn of_create(error: actions::Error) -> Self {
        match error {
            actions::Error::SnapshotNotFound(_) => Self::invalid(error.to_string()),
            other => other.into(),
        }
    }
}

impl From<actions::Error> for ApiError {
    /// The one mapping from words of the domain to words of the wire.
    fn from(error: actions::Error) -> Self {
        use actions::Error;
        let message = error.to_string();
        match error {
            Error::SandboxNotFound(_) | Error::RegionNotFound(_) | Error::ApiKeyNotFound(_) => Self::not_found(message),
            Error::SnapshotNotFound(_)
            | Error::OrganizationNotFound
            | Error::CaptureNotFound(_)
            | Error::RunnerNotFound(_) => Self::not_found(message),
            Error::OrganizationSuspended | Error::AgentNotProven(_) | Error::NotOwn(_) | Error::NotOperator => {
                Self::forbidden(message)
            }
            Error::RunnerNotEmpty { .. } => Self::not_empty(message),
            Error::NameTaken { .. } => Self::taken(message),
            Error::Invalid(_) | Error::FailedToStart(_) => Self::invalid(message),
            Error::HasForks(_) => Self::not_in_state(message),
            Error::FilesNotReady(_) => Self::unavailable(message),
            Error::Refused { refusal: Refusal::NotInState | Refusal::Errored, .. } => Self::not_in_state(message),
            Error::Refused { refusal: Refusal::Busy, .. } => Self::busy(message),
            Error::Refused { refusal: Refusal::Gone, .. } => Self::not_found(message),
            Error::QuotaExceeded { .. } => Self::quota(message),
            Error::InvalidCredentials | Error::CredentialsExpired | Error::InvalidAgentToken => {
                Self::unauthenticated(message)
            }
            Error::TooManyDropped { .. } => Self::busy(message),
            Error::CursorTooOld => Self::new(StatusCode::GONE, "CURSOR_TOO_OLD", message),
            Error::Contended => Self::unavailable("too many changes at once; try again"),
            Error::Store(_) | Error::Objects(_) | Error::Queue(_) | Error::Seal(_) => Self::internal(&error),
        }
    }
}
