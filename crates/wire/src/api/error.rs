//! Every refusal, in one shape.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::timestamp::Timestamp;

/// Where a refusal came from; SDKs choose their exception by (source, code), then by status.
pub const SOURCE_API: &str = "DAYTONA_API";

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorResponse {
    /// The path asked for, with its query.
    pub path: String,
    /// When.
    pub timestamp: Timestamp,
    /// The HTTP status once more.
    pub status_code: u16,
    /// The status's reason phrase.
    pub error: String,
    /// What was wrong, for a person. Always a string: SDKs ignore lists.
    pub message: String,
    /// What was wrong, for a program; stable.
    pub code: String,
    /// Which part of the system refused: `DAYTONA_API` here.
    pub source: String,
}
