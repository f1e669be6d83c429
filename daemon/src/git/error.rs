//! Why git work failed, in words for the SDK's user.

use thiserror::Error;

use crate::files::FileError;

/// What git work returns.
pub type GitResult<T> = Result<T, GitError>;

/// A failure.
#[derive(Debug, Error)]
pub enum GitError {
    /// What git says, or what we say before git is asked.
    #[error("{1}")]
    Failed(Failure, String),
    /// The repository's path itself.
    #[error(transparent)]
    Path(#[from] FileError),
}

/// What kind of failure; callers tell them apart by their codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The request says something that git cannot do.
    Argument,
    /// No git, or not all of it.
    NotInstalled,
    RepositoryNotFound,
    BranchNotFound,
    /// A remote, commit or other revision.
    NotFound,
    FileNotFound,
    BranchExists,
    /// Something else exists, or someone else is at work.
    Conflict,
    /// Changes that would be lost.
    DirtyWorktree,
    /// Two histories, or a merge that is not finished.
    MergeConflict,
    AuthenticationFailed,
    /// By the remote or by the file system.
    Forbidden,
    /// The remote's branch has what the local one lacks.
    PushRejected,
    /// By a rule of the remote.
    RemoteRejected,
    /// The remote could not be reached.
    Transport,
    /// A hook said no, or an answer is too large.
    Refused,
    /// None of these.
    Internal,
}

impl Failure {
    /// With these words.
    pub fn because(self, message: impl Into<String>) -> GitError {
        GitError::Failed(self, message.into())
    }
}
