//! What a caller reads when something failed. Handlers return [`ApiError`]; the layer
//! [`with_request`] knows path and method and writes the body.

use std::path::Path;

use axum::Json;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use paddock_wire::toolbox::error::{ErrorBody, SOURCE_DAEMON, code};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::warn;

use crate::environment::BadVariable;
use crate::files::FileError;
use crate::git::{Failure, GitError};
use crate::interpreter::InterpreterError;
use crate::lsp::LspError;
use crate::process::ProcessError;
use crate::pty::PtyError;
use crate::session::SessionError;

/// A failed request.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// Machine code.
    pub code: &'static str,
    /// For the SDK's user.
    pub message: String,
    /// Keys that some routes add to the body.
    pub extra: Map<String, Value>,
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// Any failure.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), extra: Map::new() }
    }

    /// The request says something it may not.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code::BAD_REQUEST, message)
    }

    /// What is meant was there once.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, code::GONE, message)
    }

    /// Our own fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL_SERVER_ERROR, message)
    }

    /// Adds a key to the body.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.to_owned(), value);
        self
    }

    /// The whole body, for a request or for a part of a bulk download.
    pub fn body(&self, path: &str, method: &Method) -> Value {
        let body = ErrorBody {
            status_code: self.status.as_u16(),
            message: self.message.clone(),
            code: self.code.to_owned(),
            source: SOURCE_DAEMON.to_owned(),
            timestamp: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            path: path.to_owned(),
            method: method.to_string(),
        };
        let mut value = serde_json::to_value(body).unwrap_or_default();
        if let Value::Object(keys) = &mut value {
            keys.extend(self.extra.clone());
        }
        value
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Layer: gives every [`ApiError`] its body.
pub async fn with_request(request: Request, next: Next) -> Response {
    let (method, uri): (Method, Uri) = (request.method().clone(), request.uri().clone());
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    if error.status.is_server_error() {
        warn!(%method, path = uri.path(), message = error.message, "request failed");
    }
    let mut answer = (error.status, Json(error.body(uri.path(), &method))).into_response();
    for (name, value) in response.headers() {
        answer.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    answer
}

/// No such route.
pub async fn not_found(uri: Uri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, code::NOT_FOUND, format!("no such route: {}", uri.path()))
}

/// A route, but not for this method.
pub async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let message = format!("method {method} is not allowed for {}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD_NOT_ALLOWED, message)
}

impl From<BadVariable> for ApiError {
    fn from(error: BadVariable) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<ProcessError> for ApiError {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::TimedOut(_) => {
                Self::new(StatusCode::REQUEST_TIMEOUT, code::PROCESS_EXECUTION_TIMEOUT, error.to_string())
            }
            ProcessError::Variable(error) => error.into(),
            ProcessError::EmptyCommand | ProcessError::EmptyCode | ProcessError::Language(_) => {
                Self::bad_request(error.to_string())
            }
            ProcessError::Directory(error) => error.into(),
            ProcessError::Internal(message) => Self::internal(message),
        }
    }
}

impl From<PtyError> for ApiError {
    fn from(error: PtyError) -> Self {
        let (status, code) = match error {
            PtyError::NoId | PtyError::LongId | PtyError::Size => (StatusCode::BAD_REQUEST, code::BAD_REQUEST),
            PtyError::Exists(_) => (StatusCode::CONFLICT, code::CONFLICT),
            PtyError::NotFound(_) => (StatusCode::NOT_FOUND, code::NOT_FOUND),
            PtyError::Variable(error) => return error.into(),
            PtyError::Directory(error) => return error.into(),
            PtyError::Internal(message) => return Self::internal(message),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        let (status, code) = match &error {
            SessionError::NoId
            | SessionError::LongId
            | SessionError::Reserved
            | SessionError::EmptyCommand
            | SessionError::NoInput => (StatusCode::BAD_REQUEST, code::BAD_REQUEST),
            SessionError::Exists(_) | SessionError::Full => (StatusCode::CONFLICT, code::CONFLICT),
            SessionError::NotFound(_) | SessionError::NoCommand(_) => (StatusCode::NOT_FOUND, code::NOT_FOUND),
            SessionError::Ended => (StatusCode::GONE, code::SESSION_ENDED),
            SessionError::Completed => (StatusCode::GONE, code::COMMAND_ALREADY_COMPLETED),
            SessionError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL_SERVER_ERROR),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<InterpreterError> for ApiError {
    fn from(error: InterpreterError) -> Self {
        let message = error.to_string();
        match error {
            InterpreterError::NoContext(_) => Self::new(StatusCode::NOT_FOUND, code::NOT_FOUND, message),
            InterpreterError::TooMany | InterpreterError::Busy => {
                Self::new(StatusCode::CONFLICT, code::CONFLICT, message)
            }
            InterpreterError::Path(error) => error.into(),
            InterpreterError::Start(_) => Self::internal(message),
            InterpreterError::EmptyCode
            | InterpreterError::Timeout
            | InterpreterError::Variable(_)
            | InterpreterError::Language(_)
            | InterpreterError::Default
            | InterpreterError::Directory(_) => Self::bad_request(message),
        }
    }
}

impl From<LspError> for ApiError {
    fn from(error: LspError) -> Self {
        let message = error.to_string();
        match error {
            LspError::NotStarted => Self::new(StatusCode::BAD_REQUEST, code::LSP_SERVER_NOT_INITIALIZED, message),
            LspError::Language(_) | LspError::Argument(_) => Self::bad_request(message),
            LspError::Timeout(_) => Self::new(StatusCode::REQUEST_TIMEOUT, code::REQUEST_TIMEOUT, message),
            LspError::File(error) => error.into(),
            LspError::Missing(_) | LspError::Start(_) | LspError::Ended | LspError::Server(_) => {
                Self::internal(message)
            }
        }
    }
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> Self {
        let (status, code) = match &error {
            FileError::NotFound(_) => (StatusCode::NOT_FOUND, code::FILE_NOT_FOUND),
            FileError::Denied(_) => (StatusCode::FORBIDDEN, code::FILE_ACCESS_DENIED),
            FileError::Exists(_) => (StatusCode::CONFLICT, code::CONFLICT),
            FileError::Path(..) | FileError::Directory(_) | FileError::NotRegular(_) => {
                (StatusCode::BAD_REQUEST, code::INVALID_FILE_PATH)
            }
            FileError::Argument(_) | FileError::Io(..) => (StatusCode::BAD_REQUEST, code::BAD_REQUEST),
            FileError::Read(..) => (StatusCode::INTERNAL_SERVER_ERROR, code::FILE_READ_FAILED),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<GitError> for ApiError {
    fn from(error: GitError) -> Self {
        let (failure, message) = match error {
            GitError::Failed(failure, message) => (failure, message),
            GitError::Path(error) => return error.into(),
        };
        let (status, code) = match failure {
            Failure::Argument => (StatusCode::BAD_REQUEST, code::BAD_REQUEST),
            Failure::NotInstalled => (StatusCode::SERVICE_UNAVAILABLE, code::GIT_NOT_INSTALLED),
            Failure::RepositoryNotFound => (StatusCode::NOT_FOUND, code::GIT_REPO_NOT_FOUND),
            Failure::BranchNotFound => (StatusCode::NOT_FOUND, code::GIT_BRANCH_NOT_FOUND),
            Failure::NotFound => (StatusCode::NOT_FOUND, code::NOT_FOUND),
            Failure::FileNotFound => (StatusCode::NOT_FOUND, code::FILE_NOT_FOUND),
            Failure::BranchExists => (StatusCode::CONFLICT, code::GIT_BRANCH_EXISTS),
            Failure::Conflict => (StatusCode::CONFLICT, code::CONFLICT),
            Failure::DirtyWorktree => (StatusCode::CONFLICT, code::GIT_DIRTY_WORKTREE),
            Failure::MergeConflict => (StatusCode::CONFLICT, code::GIT_MERGE_CONFLICT),
            Failure::AuthenticationFailed => (StatusCode::UNAUTHORIZED, code::GIT_AUTH_FAILED),
            Failure::Forbidden => (StatusCode::FORBIDDEN, code::FORBIDDEN),
            Failure::PushRejected => (StatusCode::CONFLICT, code::GIT_PUSH_REJECTED),
            Failure::RemoteRejected => (StatusCode::UNPROCESSABLE_ENTITY, code::GIT_REMOTE_REJECTED),
            Failure::Transport => (StatusCode::BAD_GATEWAY, code::GIT_TRANSPORT_FAILED),
            Failure::Refused => (StatusCode::UNPROCESSABLE_ENTITY, code::UNPROCESSABLE_ENTITY),
            Failure::Internal => (StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL_SERVER_ERROR),
        };
        Self::new(status, code, message)
    }
}

/// A path as text; SDKs address files by text only.
pub fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
