//! Everything that is no operation of this version.

use axum::extract::OriginalUri;
use http::Method;

use crate::error::ApiError;

/// Operations of later versions are missing, not refused: callers see the same as for a misspelt path.
pub async fn unknown(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    let path: String = uri.path().chars().take(200).collect();
    ApiError::not_found(format!("Cannot {method} {path}: there is no such operation in this version"))
}
