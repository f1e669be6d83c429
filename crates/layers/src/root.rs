//! Paths that stay below a directory, whatever lies there.

use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use nix::{
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
    sys::stat::Mode,
};

/// The directory that nothing leaves.
pub struct Root {
    dir: File,
    resolve: ResolveFlag,
}

impl Root {
    /// # Errors
    /// When it is not a directory, or cannot be opened.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let file = File::open(dir)?;
        if !file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        Ok(Self { dir: file, resolve: ResolveFlag::empty() })
    }

    /// What is mounted in it is not part of it: `EXDEV`.
    ///
    /// # Errors
    /// See [`Root::open`].
    pub fn open_without_mounts(dir: &Path) -> io::Result<Self> {
        Ok(Self { resolve: ResolveFlag::RESOLVE_NO_XDEV, ..Self::open(dir)? })
    }

    /// Opens what is there; an empty path is the root. `flags` decide whether a symbolic link at the end is opened
    /// itself (`O_PATH | O_NOFOLLOW`) or an error; before the end it is always an error.
    pub fn at(&self, path: &[u8], flags: OFlag) -> nix::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        resolved(&self.dir, path, OpenHow::new().flags(flags | OFlag::O_CLOEXEC), self.resolve)
    }
}

/// Opens or makes something below an open directory.
pub fn below(dir: impl AsFd, path: &[u8], flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
    resolved(dir, path, OpenHow::new().flags(flags | OFlag::O_CLOEXEC).mode(mode), ResolveFlag::empty())
}

/// What has this name in an open directory, a link itself and not its target; `EXDEV` where something is mounted on it.
pub fn look(dir: impl AsFd, name: &[u8]) -> nix::Result<OwnedFd> {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC);
    resolved(dir, name, how, ResolveFlag::RESOLVE_NO_XDEV)
}

fn resolved(dir: impl AsFd, path: &[u8], how: OpenHow, more: ResolveFlag) -> nix::Result<OwnedFd> {
    openat2(dir, path, how.resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | more))
}

/// Removes all that is in a directory, but not itself.
///
/// # Errors
/// When something cannot be removed; the rest may still be there.
pub fn clear(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // Of the entry itself: a symbolic link to a directory is removed, not what it points to.
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
