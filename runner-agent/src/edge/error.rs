//! What the edge says when it cannot pass a request on. Every failure has a complete body.

use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::body::Body;

/// On an answer of a relay door that is its own and not the daemon's: the code of the error.
pub static REFUSED: HeaderName = HeaderName::from_static("x-paddock-refused");

/// Why the edge answers in place of the daemon. The messages are for users.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// The request cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// No credential, or one that is not good.
    #[error("{0}")]
    Unauthorized(String),
    /// A good credential that may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// No such sandbox for this caller, or no such route.
    #[error("{0}")]
    NotFound(String),
    /// The sandbox is stopped, or about to be.
    #[error("Sandbox is not running (state: {state}). Start it first.")]
    NotRunning {
        /// Public state name.
        state: String,
    },
    /// The sandbox failed, and its owner tries no more.
    #[error("{0}")]
    Failed(String),
    /// No runner has been chosen for the sandbox yet.
    #[error("Sandbox has no machine yet. Try again.")]
    NotPlaced,
    /// The sandbox is not where the grant says.
    #[error("Sandbox has moved. Try again.")]
    Moved,
    /// No connection to the machine that holds the sandbox.
    #[error("The machine that holds the sandbox cannot be reached. Try again.")]
    OwnerUnreachable,
    /// The daemon did not answer.
    #[error("{0}")]
    BadGateway(String),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
    /// Too many requests to one sandbox at once.
    #[error("This sandbox has too many open requests ({limit}). Close some and try again.")]
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
    /// Our own fault; particulars are in the log.
    #[error("The edge failed to handle the request.")]
    Internal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    status_code: u16,
    error: &'a str,
    message: String,
    code: &'a str,
    source: &'a str,
    timestamp: String,
    path: &'a str,
    method: &'a str,
}

impl EdgeError {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::NotRunning { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Failed(_) => StatusCode::CONFLICT,
            Self::BadGateway(_) => StatusCode::BAD_GATEWAY,
            Self::NotPlaced | Self::Moved | Self::OwnerUnreachable | Self::Unavailable(_) | Self::TooMany { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "BAD_REQUEST",
            Self::Unauthorized(_) => "UNAUTHORIZED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::NotRunning { .. } => "SANDBOX_NOT_RUNNING",
            Self::Failed(_) => "SANDBOX_FAILED",
            Self::NotPlaced => "SANDBOX_NOT_PLACED",
            Self::Moved => "SANDBOX_MOVED",
            Self::OwnerUnreachable => "OWNER_UNREACHABLE",
            Self::BadGateway(_) => "BAD_GATEWAY",
            Self::Unavailable(_) => "SERVICE_UNAVAILABLE",
            Self::TooMany { .. } => "TOO_MANY_REQUESTS_OPEN",
            Self::Internal => "INTERNAL_SERVER_ERROR",
        }
    }

    /// A newer grant may turn this refusal into a pass: it was given before a byte reached the daemon and rests on
    /// what the grant said.
    pub fn may_be_stale(&self) -> bool {
        match self {
            Self::NotRunning { .. } | Self::Failed(_) | Self::Moved | Self::OwnerUnreachable | Self::NotFound(_) => {
                true
            }
            Self::BadRequest(_)
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotPlaced
            | Self::BadGateway(_)
            | Self::Unavailable(_)
            | Self::TooMany { .. }
            | Self::Internal => false,
        }
    }

    /// What a relay door refused with, told to the caller as our own.
    pub fn of_relay_door(code: &str, body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Refusal {
            message: String,
        }
        let message = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.message).unwrap_or_default();
        match code {
            "BAD_REQUEST" => Self::BadRequest(message),
            "NOT_FOUND" => Self::NotFound(message),
            "SANDBOX_NOT_RUNNING" => Self::NotRunning { state: "stopped".to_owned() },
            "SANDBOX_FAILED" => Self::Failed(message),
            "SANDBOX_MOVED" => Self::Moved,
            "BAD_GATEWAY" => Self::BadGateway(message),
            // The ticket: the two machines do not know each other (yet). That is no fault of the caller's credential.
            "UNAUTHORIZED" => Self::OwnerUnreachable,
            _ => Self::Unavailable(message),
        }
    }

    /// The whole answer. There is no `Retry-After`: the Python SDK would sleep that long and hide the error.
    pub fn into_response(self, method: &Method, path: &str) -> Response<Body> {
        let status = self.status();
        let bytes = body(status, self.code(), self.to_string(), method.as_str(), path);
        let mut response = Response::new(Body::full(bytes));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// The wire's shape of an error.
pub fn body(status: StatusCode, code: &str, message: String, method: &str, path: &str) -> Vec<u8> {
    let body = ErrorBody {
        status_code: status.as_u16(),
        error: status.canonical_reason().unwrap_or_default(),
        message,
        code,
        source: "DAYTONA_PROXY",
        timestamp: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        path,
        method,
    };
    serde_json::to_vec(&body).unwrap_or_default()
}
