//! The embedded data services. Each third-party engine is known to exactly one file here.
//!
//! * [`dynamodb`] - DynamoDB and Streams by `dynoxide-rs` on a SQLite file
//! * [`sqs`] - SQS by `rustack-sqs`
//! * [`s3`] - S3 by `s3s` and `s3s-fs` in a folder

pub mod dynamodb;
pub mod s3;
pub mod sqs;

/// An engine could not be opened or refused a call of ours.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine cannot work with its files.
    #[error("{engine}: {reason}")]
    Open {
        /// Which engine.
        engine: &'static str,
        /// In its words.
        reason: String,
    },
    /// A call was refused.
    #[error("{operation}: {reason}")]
    Refused {
        /// Which operation.
        operation: String,
        /// The engine's answer.
        reason: String,
    },
}
