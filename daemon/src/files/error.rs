//! Why file work failed, in words for the SDK's user.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use thiserror::Error;

/// A failure; the path is the one the caller gave, made absolute.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("no such file or directory: {}", .0.display())]
    NotFound(PathBuf),
    #[error("permission denied: {}", .0.display())]
    Denied(PathBuf),
    #[error("already exists: {}", .0.display())]
    Exists(PathBuf),
    #[error("invalid path {0:?}: {1}")]
    Path(String, &'static str),
    #[error("is a directory: {}", .0.display())]
    Directory(PathBuf),
    #[error("not a regular file: {}", .0.display())]
    NotRegular(PathBuf),
    #[error("{0}")]
    Argument(String),
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
    #[error("reading {}: {}", .0.display(), .1)]
    Read(PathBuf, io::Error),
}

/// What file work returns.
pub type FileResult<T> = Result<T, FileError>;

impl FileError {
    /// The system's refusal, for this path.
    pub fn of(path: &Path, error: io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound(path),
            ErrorKind::PermissionDenied => Self::Denied(path),
            ErrorKind::AlreadyExists => Self::Exists(path),
            ErrorKind::IsADirectory => Self::Directory(path),
            _ if error.raw_os_error() == Some(Errno::EROFS as i32) => Self::Denied(path),
            _ => Self::Io(path, error),
        }
    }

    /// The same, as a function of the error alone.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |error| Self::of(path, error)
    }

    /// The same, from system calls by `nix`.
    pub fn errno(path: &Path) -> impl FnOnce(Errno) -> Self {
        |errno| Self::of(path, errno.into())
    }
}
