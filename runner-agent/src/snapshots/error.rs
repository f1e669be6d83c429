//! Why there is no capture, or nothing restored.

use crate::control_api::ControlApiError;

/// Why there is no capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// As the caller asked.
    #[error("cancelled")]
    Cancelled,
    /// Later it may go: what was packed and sent is kept.
    #[error("not now: {0}")]
    Unavailable(String),
    /// The control plane does not want it: another try is pointless.
    #[error("refused: {0}")]
    Refused(String),
    /// These files cannot be captured, or this machine cannot.
    #[error("{0}")]
    Failed(String),
}

/// Why files were not restored. Nothing of the capture is in the directory then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// As the caller asked. The directory is emptied in a moment, and before another try.
    #[error("cancelled")]
    Cancelled,
    /// Later it may go, with a new URL.
    #[error("not now: {0}")]
    Unavailable(String),
    /// The object is not what the manifest says, or cannot be unpacked here.
    #[error("{0}")]
    Failed(String),
}

impl CaptureError {
    /// Of this machine: its disk, or a task that broke.
    pub(super) fn here(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ControlApiError> for CaptureError {
    fn from(error: ControlApiError) -> Self {
        match error.status().map(|status| status.as_u16()) {
            Some(404 | 409) => Self::Refused(error.to_string()),
            // With another registration or in another minute the answer may be another.
            None | Some(401 | 403 | 408 | 429 | 500..) => Self::Unavailable(error.to_string()),
            Some(_) => Self::Failed(error.to_string()),
        }
    }
}
