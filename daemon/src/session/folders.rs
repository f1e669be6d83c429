//! Where sessions keep their files: `~/.daytona/sessions/<server>/<session>/<command>/`, or the same below `/tmp` for a user
//! without a home. The names are ours: a caller's word never becomes part of a path.
//!
//! Each server has a folder of its own and holds a lock on it. The first session of a server removes those that
//! nobody holds: what a killed server, or the sandbox before its last stop, has left.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tracing::warn;
use uuid::Uuid;

use super::{SessionError, SessionResult};
use crate::lock::lock;

const BELOW_HOME: &str = ".daytona/sessions";
/// Not where `TMPDIR` says: that is the tenant's word to programs, and may be a folder that does not exist.
const OTHERWISE: &str = "/tmp/.daytona/sessions";

/// This server's folder, made with the first session.
#[derive(Debug, Clone)]
pub struct Folders {
    base: PathBuf,
    own: Arc<Mutex<Option<Own>>>,
}

#[derive(Debug)]
struct Own {
    path: PathBuf,
    /// Says to other servers that somebody is there.
    _lock: File,
}

/// One session's folder; it may be gone, for the tenant owns it too.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Folders {
    /// None yet.
    pub fn below(home: &Path) -> Self {
        Self { base: home.join(BELOW_HOME), own: Arc::default() }
    }

    /// A folder for one more session.
    pub fn create(&self) -> SessionResult<Folder> {
        let create = || -> io::Result<Folder> {
            let mut own = lock(&self.own);
            let own = match &mut *own {
                Some(own) => own,
                none => none.insert(Own::begin(&self.base).or_else(|_| Own::begin(Path::new(OTHERWISE)))?),
            };
            let folder = own.path.join(Uuid::new_v4().to_string());
            fs::create_dir_all(&folder)?;
            Ok(Folder(folder))
        };
        create().map_err(|error| SessionError::Internal(format!("a folder below {}: {error}", self.base.display())))
    }
}

impl Own {
    fn begin(base: &Path) -> io::Result<Self> {
        fs::create_dir_all(base)?;
        for entry in fs::read_dir(base)?.flatten() {
            let path = entry.path();
            if File::open(&path).is_ok_and(|folder| folder.try_lock().is_ok()) {
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_dir_all(&path);
            }
        }
        let path = base.join(Uuid::new_v4().to_string());
        fs::create_dir(&path)?;
        let lock = File::open(&path)?;
        lock.lock()?;
        Ok(Self { path, _lock: lock })
    }
}

impl Folder {
    /// With all that is in it.
    pub fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            warn!(folder = %self.0.display(), %error, "a session's folder stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_stay_and_the_dead_go() {
        let home = tempfile::tempdir().expect("temp dir");
        let first = Folders::below(home.path());
        let folder = first.create().expect("created");
        let second = Folders::below(home.path());
        let other = second.create().expect("created");
        assert!(folder.0.exists() && other.0.exists());
        drop(first);
        Folders::below(home.path()).create().expect("created");
        assert!(!folder.0.exists() && other.0.exists());
        other.remove();
        other.remove();
        assert!(!other.0.exists());
    }
}
