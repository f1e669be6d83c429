//! What all processes of a sandbox have in common at their start.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use tokio::process::Command;

use crate::environment::Variables;
use crate::oom;

/// A shell in a directory, with these variables and no others.
pub fn command(shell: &OsStr, directory: &Path, environment: &Variables) -> Command {
    let mut command = Command::new(shell);
    command.current_dir(directory).env_clear().envs(environment);
    oom::unshield(&mut command);
    command
}

/// Why it could not be started. The system's words do not say which of the two is missing.
pub fn failure(shell: &OsStr, directory: &Path, error: &io::Error) -> String {
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => format!("{}: {error}", shell.to_string_lossy()),
        Ok(_) => format!("chdir {}: not a directory", directory.display()),
        Err(error) => format!("chdir {}: {error}", directory.display()),
    }
}
