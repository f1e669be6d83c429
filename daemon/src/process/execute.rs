//! A command text.

use paddock_wire::toolbox::process::Execute;

use super::run::{Ended, Plan};
use super::{ProcessError, Processes, timeout};
use crate::files::place;

impl Processes {
    /// Gives the text to a shell's stdin.
    pub async fn execute(&self, request: Execute) -> Result<Ended, ProcessError> {
        let Execute { command, cwd, envs, timeout: seconds } = request;
        if command.trim().is_empty() {
            return Err(ProcessError::EmptyCommand);
        }
        let directory = match cwd.filter(|cwd| !cwd.is_empty()) {
            Some(cwd) => place::resolve(&self.work_dir, &cwd)?,
            None => self.work_dir.clone(),
        };
        let environment = self.environment.with(&envs.unwrap_or_default())?;
        self.run(Plan {
            arguments: Vec::new(),
            stdin: script(command),
            directory,
            environment,
            timeout: timeout(seconds),
            files: Vec::new(),
        })
        .await
    }
}

/// Some shells ignore a last line that does not end.
fn script(mut command: String) -> Vec<u8> {
    if !command.ends_with('\n') {
        command.push('\n');
    }
    command.into_bytes()
}
