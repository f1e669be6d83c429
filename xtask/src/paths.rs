//! Where things are.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The state folder of `cargo xtask up`.
pub const DEFAULT_STATE: &str = ".paddock";

/// The repository this xtask was built from.
pub fn repo() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask lies in the repository").to_owned()
}

/// Things that are dear to make and safe to keep; `down --wipe` leaves them.
pub fn cache() -> PathBuf {
    repo().join(DEFAULT_STATE).join("cache")
}

/// The state of one stack on this machine.
#[derive(Debug, Clone)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Relative paths start at the repository, not at the caller's folder.
    pub fn new(path: &Path) -> Self {
        Self(repo().join(path))
    }

    /// The one that commands take when none is named.
    pub fn is_default(&self) -> bool {
        self.0 == repo().join(DEFAULT_STATE)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What the user sources.
    pub fn env_file(&self) -> PathBuf {
        self.join("env")
    }

    pub fn logs(&self) -> PathBuf {
        self.join("logs")
    }

    pub fn log(&self, service: &str) -> PathBuf {
        self.logs().join(format!("{service}.log"))
    }

    /// Held locked by a living supervisor; its content is the supervisor's pid.
    pub fn lock_file(&self) -> PathBuf {
        self.join("stack.pid")
    }

    /// The processes of the stack, for the next `up` after a crash.
    pub fn pids(&self) -> PathBuf {
        self.join("pids")
    }

    pub fn create(&self) -> Result<()> {
        for folder in [self.0.clone(), self.logs(), self.pids()] {
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        // Secrets, the table and every sandbox's environment are below.
        fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700))?;
        Ok(())
    }
}

/// Writes a whole file that only its owner may read; a reader sees the old or the new one.
pub fn write_private(path: &Path, content: &str) -> Result<()> {
    use std::io::Write;
    let part = path.with_extension("part");
    let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&part)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
}
