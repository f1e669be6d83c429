//! The error body of every non-2xx answer.

use serde::{Deserialize, Serialize};

/// `source` of every error the daemon makes; with `code` it selects the SDK's exception class.
pub const SOURCE_DAEMON: &str = "DAYTONA_DAEMON";

/// What a caller reads when a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// The HTTP status again.
    pub status_code: u16,
    /// What the SDK's user sees.
    pub message: String,
    /// One of [`code`], or any other string.
    pub code: String,
    /// Who made the error: [`SOURCE_DAEMON`].
    pub source: String,
    /// RFC 3339.
    pub timestamp: String,
    /// Request path; in a bulk download the file's path.
    pub path: String,
    /// Request method.
    #[serde(default)]
    pub method: String,
}

/// Machine codes that the daemon sends.
pub mod code {
    pub const BAD_REQUEST: &str = "BAD_REQUEST";
    pub const COMMAND_ALREADY_COMPLETED: &str = "COMMAND_ALREADY_COMPLETED";
    pub const CONFLICT: &str = "CONFLICT";
    pub const FILE_ACCESS_DENIED: &str = "FILE_ACCESS_DENIED";
    pub const FILE_NOT_FOUND: &str = "FILE_NOT_FOUND";
    pub const FILE_READ_FAILED: &str = "FILE_READ_FAILED";
    pub const FORBIDDEN: &str = "FORBIDDEN";
    pub const GIT_AUTH_FAILED: &str = "GIT_AUTH_FAILED";
    pub const GIT_BRANCH_EXISTS: &str = "GIT_BRANCH_EXISTS";
    pub const GIT_BRANCH_NOT_FOUND: &str = "GIT_BRANCH_NOT_FOUND";
    pub const GIT_DIRTY_WORKTREE: &str = "GIT_DIRTY_WORKTREE";
    pub const GIT_MERGE_CONFLICT: &str = "GIT_MERGE_CONFLICT";
    pub const GIT_NOT_INSTALLED: &str = "GIT_NOT_INSTALLED";
    pub const GIT_PUSH_REJECTED: &str = "GIT_PUSH_REJECTED";
    pub const GIT_REMOTE_REJECTED: &str = "GIT_REMOTE_REJECTED";
    pub const GIT_REPO_NOT_FOUND: &str = "GIT_REPO_NOT_FOUND";
    pub const GIT_TRANSPORT_FAILED: &str = "GIT_TRANSPORT_FAILED";
    pub const GONE: &str = "GONE";
    pub const INTERNAL_SERVER_ERROR: &str = "INTERNAL_SERVER_ERROR";
    pub const INVALID_FILE_PATH: &str = "INVALID_FILE_PATH";
    pub const INVALID_REQUEST_BODY: &str = "INVALID_REQUEST_BODY";
    pub const LSP_SERVER_NOT_INITIALIZED: &str = "LSP_SERVER_NOT_INITIALIZED";
    pub const METHOD_NOT_ALLOWED: &str = "METHOD_NOT_ALLOWED";
    pub const NOT_FOUND: &str = "NOT_FOUND";
    pub const PROCESS_EXECUTION_TIMEOUT: &str = "PROCESS_EXECUTION_TIMEOUT";
    pub const RANGE_NOT_SATISFIABLE: &str = "RANGE_NOT_SATISFIABLE";
    pub const REQUEST_BODY_TOO_LARGE: &str = "REQUEST_BODY_TOO_LARGE";
    pub const REQUEST_TIMEOUT: &str = "REQUEST_TIMEOUT";
    pub const SESSION_ENDED: &str = "SESSION_ENDED";
    pub const UNPROCESSABLE_ENTITY: &str = "UNPROCESSABLE_ENTITY";
}
