//! Processes of the stack, found in `/proc`, and how to kill them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// The executable.
    pub exe: PathBuf,
    /// Its arguments, with the name it was called by.
    pub arguments: Vec<String>,
    /// `R`, `S`, `T` (stopped), `Z` (dead, not reaped) ...
    pub state: char,
}

/// All processes that can be looked at.
pub fn all() -> Vec<Process> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(look).collect()
}

/// One process, if it is there.
pub fn look(pid: u32) -> Option<Process> {
    let folder = Path::new("/proc").join(pid.to_string());
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // The name in parentheses may itself hold parentheses and spaces.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let arguments = fs::read(folder.join("cmdline")).ok()?;
    let arguments = arguments.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned());
    Some(Process {
        pid,
        parent,
        exe: fs::read_link(folder.join("exe")).unwrap_or_default(),
        arguments: arguments.filter(|argument| !argument.is_empty()).collect(),
        state,
    })
}

/// Value of a variable in a process's first environment.
pub fn environment(pid: u32, name: &str) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let prefix = format!("{name}=");
    let found = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy).find(|line| line.starts_with(&prefix))?;
    Some(found[prefix.len()..].to_owned())
}

/// The agents of a stack, first runner first.
pub fn agents(state_dir: &Path) -> Vec<Process> {
    let is_agent = |process: &Process| {
        process.exe.file_name().is_some_and(|name| name.to_string_lossy().starts_with("paddock-runner"))
    };
    let ours = |process: &Process| is_of(state_dir, process.pid) && process.state != 'Z';
    let mut found: Vec<Process> = all().into_iter().filter(is_agent).filter(ours).collect();
    found.sort_by_key(|process| environment(process.pid, "PADDOCK_RUNNER_NAME"));
    found
}

/// Instances of a function that the embedded Lambda of a stack runs. They are children of its AWS endpoint, and have
/// nothing else of the stack in their environment.
pub fn function_instances(state_dir: &Path, function: &str) -> Vec<Process> {
    let named =
        |process: &Process| environment(process.pid, "AWS_LAMBDA_FUNCTION_NAME").is_some_and(|name| name == function);
    all().into_iter().filter(named).filter(|process| is_of(state_dir, process.parent)).collect()
}

/// `xtask up` writes the stack's folder into the environment of its processes.
fn is_of(state_dir: &Path, pid: u32) -> bool {
    environment(pid, "PADDOCK_STACK").is_some_and(|folder| Path::new(&folder) == state_dir)
}

/// SIGKILL to a process that was just looked at.
pub fn kill_9(pid: u32) -> Result<()> {
    kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGKILL).with_context(|| format!("process {pid} cannot be killed"))
}

/// Runs, and is not merely waiting to be reaped.
pub fn lives(pid: u32) -> bool {
    look(pid).is_some_and(|process| process.state != 'Z')
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_is_found_with_its_environment() {
        let me = super::look(std::process::id()).unwrap();
        assert_eq!(me.exe, std::env::current_exe().unwrap());
        assert!(super::environment(me.pid, "PATH").is_some());
    }
}
