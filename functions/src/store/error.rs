//! What can go wrong with the table itself. Conditions that fail are answers, not errors.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// The table could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Throttled or in conflict with other writers for longer than we are patient.
    #[error("the table is contended")]
    Contended,
    /// An item does not read as what its key says it is.
    #[error("item {key} does not read: {problem}")]
    Corrupt {
        /// Where.
        key: String,
        /// What.
        problem: String,
    },
    /// The call failed.
    #[error("the table cannot be used")]
    Table(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Error codes that say: not now.
const CONTENTION: [&str; 6] = [
    "TransactionConflictException",
    "TransactionInProgressException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
];

/// Another try may succeed.
pub(super) fn is_contention<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code().is_some_and(|code| CONTENTION.contains(&code))
}

impl<E, R> From<SdkError<E, R>> for Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        if is_contention(&error) { Error::Contended } else { Error::Table(Box::new(error)) }
    }
}
