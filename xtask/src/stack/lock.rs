//! One stack per state folder: the supervisor holds `stack.pid` locked as long as it lives, however it ends.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, Write};

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};

use crate::paths::StateDir;

/// The living supervisor of a state folder.
pub struct Holder {
    pub pid: i32,
}

/// Held for life by the supervisor.
pub struct Lock {
    _file: Flock<File>,
}

/// Who supervises the stack now, if anybody.
pub fn holder(state: &StateDir) -> Result<Option<Holder>> {
    let path = state.lock_file();
    let file = match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    if Flock::lock(file, FlockArg::LockSharedNonblock).is_ok() {
        return Ok(None);
    }
    let text = fs::read_to_string(path)?;
    let pid = text.trim().parse().context("stack.pid holds no process id")?;
    Ok(Some(Holder { pid }))
}

/// Takes the lock, or `None` when a supervisor lives.
pub fn take(state: &StateDir) -> Result<Option<Lock>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(state.lock_file())?;
    let Ok(mut file) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { return Ok(None) };
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Some(Lock { _file: file }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_none_after() {
        let folder = tempfile::tempdir().expect("folder");
        let state = StateDir::new(folder.path());
        assert!(holder(&state).expect("holder").is_none());
        let lock = take(&state).expect("take").expect("free");
        assert!(take(&state).expect("take").is_none());
        assert_eq!(holder(&state).expect("holder").expect("somebody").pid.cast_unsigned(), std::process::id());
        drop(lock);
        assert!(holder(&state).expect("holder").is_none());
    }
}
