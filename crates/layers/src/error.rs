//! Why there is no layer, or no files.

use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use nix::errno::Errno;

use crate::entry::as_path;

/// Why packing or unpacking failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The flag of the caller was raised.
    #[error("cancelled")]
    Cancelled,
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Files {
        /// Where, within the directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The compressed stream cannot be written or read, or does not hold what it should.
    #[error("stream: {0}")]
    Stream(#[from] io::Error),
    /// A layer cannot say this of a file.
    #[error("{}: {what}", path.display())]
    Unsupported {
        /// Which file.
        path: PathBuf,
        /// What cannot be said.
        what: &'static str,
    },
    /// A layer may not say this.
    #[error("not a layer: {0}")]
    Refused(String),
    /// More than the caller allows.
    #[error("more than {max} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How much is allowed.
        max: u64,
    },
    /// These are not the bytes that were expected.
    #[error("the digest is {found}, not {expected}")]
    Digest {
        /// SHA-256 hex and bytes.
        expected: String,
        /// SHA-256 hex and bytes.
        found: String,
    },
}

/// `map_err` of what touches files.
pub fn at(path: &[u8]) -> impl Fn(io::Error) -> Error {
    move |source| Error::Files { path: as_path(path), source }
}

/// The same for system calls.
pub fn at_call(path: &[u8]) -> impl Fn(Errno) -> Error {
    move |errno| Error::Files { path: as_path(path), source: errno.into() }
}

/// Looked at between entries and chunks.
#[derive(Clone, Copy)]
pub struct Cancel<'a>(pub Option<&'a AtomicBool>);

impl Cancel<'_> {
    pub fn check(self) -> Result<(), Error> {
        match self.0 {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}
