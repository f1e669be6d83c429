//! Patience with contention: a few tries with jitter, then an honest error.

use std::{future::Future, time::Duration};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use paddock_model::entropy;

use super::error::is_contention;

/// Tries in all. With the pauses below, about two seconds at worst.
pub(super) const TRIES: u32 = 7;

/// Repeats `call` while the table says "not now". The request must be idempotent, which ours are by their `op`.
pub(super) async fn patiently<T, E, R, F>(mut call: impl FnMut() -> F) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    let mut tried = 1;
    loop {
        match call().await {
            Err(error) if tried < TRIES && is_contention(&error) => pause(tried).await,
            other => return other,
        }
        tried += 1;
    }
}

/// Full jitter, doubling from 20 ms.
pub(super) async fn pause(tried: u32) {
    let most = 20u64 << tried.min(6);
    let millis = 1 + entropy::below(most);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
