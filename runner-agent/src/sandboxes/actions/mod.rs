//! What an owner can do. Each action is one function over the host; it knows nothing of the owner.
//!
//! * [`capture`] its files, to S3
//! * [`create`] image, network, files, container: steps with undo
//! * [`run`] start, recover, freeze, thaw, resize, wait for the daemon, hand over the environment
//! * [`end`] stop, destroy, let go, set aside
//! * [`look`] ask the engine what there is

use crate::{engine::EngineError, network::slots::SlotError};

pub mod capture;
pub mod create;
pub mod end;
pub mod look;
pub mod run;

/// Why an action did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Not now: the engine does not answer, or this machine is in want of something. Look again later.
    #[error("not possible now: {0}")]
    Unavailable(String),
    /// No room on this runner.
    #[error("{0}")]
    NoRoom(String),
    /// Something newer made it pointless.
    #[error("abandoned for a newer wish")]
    Cancelled,
    /// The container runs but nothing answers in it.
    #[error("the sandbox's daemon does not answer")]
    Silent,
    /// It cannot be done.
    #[error("{0}")]
    Failed(String),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unavailable(reason) => Self::Unavailable(reason),
            EngineError::NotFound(reason) | EngineError::Conflict(reason) | EngineError::Rejected(reason) => {
                Self::Failed(reason)
            }
        }
    }
}

impl From<SlotError> for Failure {
    fn from(error: SlotError) -> Self {
        match error {
            SlotError::NoAddress => Self::NoRoom(error.to_string()),
            SlotError::Engine(error) => error.into(),
        }
    }
}
