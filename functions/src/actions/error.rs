//! Why an action did not do what was asked, in words of the domain. Status codes are given in `crate::error`.

use std::fmt;

use paddock_model::{
    id::{CaptureId, RunnerId},
    lifecycle::{Refusal, State},
};

use crate::{objects, queue, seal, store};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such sandbox in the caller's organization (or destroyed).
    #[error("sandbox {0} not found")]
    SandboxNotFound(String),
    /// No such snapshot among the caller's own and the general ones.
    #[error("snapshot {0} not found")]
    SnapshotNotFound(String),
    /// A general snapshot is the operator's.
    #[error("snapshot {0} belongs to no organization and cannot be deleted by one")]
    NotOwn(String),
    /// No such region here.
    #[error("region {0} not found")]
    RegionNotFound(String),
    /// No such runner in this deployment's region.
    #[error("runner {0} not found")]
    RunnerNotFound(String),
    /// Runners belong to the deployment.
    #[error("Access denied: runners are operated by the organization that owns this deployment")]
    NotOperator,
    /// It still holds sandboxes.
    #[error(
        "runner {runner} still holds {sandboxes} sandbox(es): {states}; drain it, wait until it is empty, and remove it \
         then, or remove it with force, which loses what is only there"
    )]
    RunnerNotEmpty {
        /// Which.
        runner: RunnerId,
        /// How many.
        sandboxes: usize,
        /// How many in which states, for people.
        states: String,
    },
    /// No such API key of this user in this organization.
    #[error("API key {0} not found")]
    ApiKeyNotFound(String),
    /// The caller's organization does not exist (any more).
    #[error("organization not found")]
    OrganizationNotFound,
    /// It may read and delete, nothing else.
    #[error("organization is suspended")]
    OrganizationSuspended,
    /// The name is taken in this organization.
    #[error("{what} with name {name} already exists")]
    NameTaken {
        /// Kind of object.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The request contradicts itself or a rule; the text is for the caller.
    #[error("{0}")]
    Invalid(String),
    /// The lifecycle refused.
    #[error("cannot {verb} sandbox {sandbox} in state {state}: {refusal}")]
    Refused {
        /// What was asked for, as a verb: start, stop, delete.
        verb: &'static str,
        /// Id or name as given.
        sandbox: String,
        /// Where it stands.
        state: State,
        /// Why not.
        refusal: Refusal,
    },
    /// The organization's quota does not allow it.
    #[error("Total {resource} limit exceeded. Maximum allowed: {limit}")]
    QuotaExceeded {
        /// Which of the three.
        resource: Resource,
        /// The organization's limit.
        limit: u32,
    },
    /// It became `error` while the caller waited for it to start.
    #[error("Sandbox failed to start: {0}")]
    FailedToStart(String),
    /// The credential is unknown.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The API key has expired.
    #[error("API key has expired")]
    CredentialsExpired,
    /// The agent's token is unknown, or replaced by a newer one.
    #[error("invalid agent token")]
    InvalidAgentToken,
    /// An agent asked for the place of a known one and did not prove that it is the one.
    #[error(
        "agent {0} is known, and this request does not prove to come from it: the proof must be signed with the key that \
         it registered last. An agent that has lost this key must register without an id, which makes it a new one, \
         after an operator has declared {0} dead"
    )]
    AgentNotProven(RunnerId),
    /// The answer would drop an abnormal share of what an agent holds (the brake).
    #[error("refused to drop {dropped} of {held} sandboxes at once")]
    TooManyDropped {
        /// How many would be dropped.
        dropped: usize,
        /// Out of how many.
        held: usize,
    },
    /// The cursor is older than what is kept: the reader must start over with nothing cached.
    #[error("the cursor is too old")]
    CursorTooOld,
    /// Too many writers at once; trying again later is right.
    #[error("too much contention")]
    Contended,
    /// The table could not be used.
    #[error(transparent)]
    Store(store::Error),
    /// No such capture that this runner has to make.
    #[error("capture {0} not found")]
    CaptureNotFound(CaptureId),
    /// The files that a sandbox begins with are not captured yet.
    #[error("the files of capture {0} are not there yet")]
    FilesNotReady(CaptureId),
    /// It has forks, which must be deleted first.
    #[error("sandbox {0} has forks that must be deleted first")]
    HasForks(String),
    /// The bucket could not be used.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// A queue could not be used.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// What is stored does not open.
    #[error(transparent)]
    Seal(#[from] seal::Unopenable),
}

/// What quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Whole CPUs.
    Cpu,
    /// GiB.
    Memory,
    /// GiB.
    Disk,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Cpu => "CPU",
            Resource::Memory => "memory",
            Resource::Disk => "disk",
        })
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Contended => Error::Contended,
            other => Error::Store(other),
        }
    }
}
