//! What is tried again: calls of the control plane, and requests to S3.

use std::{future::Future, time::Duration};

use super::CaptureError;
use crate::control_api::ControlApiError;

/// Half a minute in all.
const ATTEMPTS: u32 = 8;
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// Waits longer each time, and ends.
#[derive(Debug, Default)]
pub struct Backoff(u32);

impl Backoff {
    /// False when it was tried often enough.
    pub async fn again(&mut self) -> bool {
        self.0 += 1;
        if self.0 >= ATTEMPTS {
            return false;
        }
        tokio::time::sleep((FIRST * 2_u32.pow(self.0 - 1)).min(LONGEST)).await;
        true
    }
}

/// Calls the control plane until it answers.
pub async fn control<A, F>(mut call: impl FnMut() -> F) -> Result<A, CaptureError>
where
    F: Future<Output = Result<A, ControlApiError>>,
{
    let mut backoff = Backoff::default();
    loop {
        match call().await.map_err(CaptureError::from) {
            Err(CaptureError::Unavailable(_)) if backoff.again().await => {}
            other => return other,
        }
    }
}
