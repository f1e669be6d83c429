//! Processes that outlived their supervisor. Each service leaves a pid file with the start time of its process, which a
//! reused pid cannot have. Function processes are children of the AWS endpoint; they are recognised by the state folder in
//! their environment. Never by name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::paths::StateDir;
use crate::process::wait_until;

/// In the environment of every process of a stack, but not of dockerd, which outlives stacks.
pub const MARK: &str = "PADDOCK_STACK";

/// A living process of a dead stack.
#[derive(Debug)]
pub struct Leftover {
    pub service: String,
    pid: i32,
    started: u64,
}

/// Notes that a process belongs to the stack.
pub fn remember(state: &StateDir, service: &str, pid: i32) -> Result<()> {
    let started = start_time(pid).unwrap_or_default();
    fs::write(state.pids().join(service), format!("{pid} {started}\n"))?;
    Ok(())
}

pub fn forget(state: &StateDir, service: &str) {
    let _ = fs::remove_file(state.pids().join(service));
}

/// Everything of this stack that still runs.
pub fn find(state: &StateDir) -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    if let Ok(files) = fs::read_dir(state.pids()) {
        found.extend(files.flatten().filter_map(|file| read_pid_file(&file.path())));
    }
    let mark = format!("{MARK}={}", state.path().display());
    for process in fs::read_dir("/proc")?.flatten().map(|entry| entry.path()) {
        let marked = marked_process(&process, mark.as_bytes());
        found.extend(marked.filter(|new| !found.iter().any(|old| old.pid == new.pid)));
    }
    Ok(found)
}

/// Ends them, first politely, all but the engine unless `engine_too`.
pub fn end(leftovers: &[Leftover], engine_too: bool) -> Result<()> {
    let chosen: Vec<&Leftover> = leftovers.iter().filter(|one| engine_too || one.service != "dockerd").collect();
    for (signal, limit) in [(Signal::SIGTERM, 15), (Signal::SIGKILL, 10)] {
        // A function frozen between invocations (SIGSTOP) notices only after it goes on.
        chosen.iter().filter(|one| one.lives()).for_each(|one| {
            let _ = kill(Pid::from_raw(one.pid), signal);
            let _ = kill(Pid::from_raw(one.pid), Signal::SIGCONT);
        });
        let gone =
            wait_until("old processes end", Duration::from_secs(limit), || Ok(!chosen.iter().any(|one| one.lives())));
        if gone.is_ok() || signal == Signal::SIGKILL {
            return gone;
        }
    }
    Ok(())
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (pid {})", self.service, self.pid)
    }
}

impl Leftover {
    fn lives(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }
}

fn read_pid_file(path: &PathBuf) -> Option<Leftover> {
    let text = fs::read_to_string(path).ok()?;
    let (pid, started) = text.trim().split_once(' ')?;
    let service = path.file_name()?.to_string_lossy().into_owned();
    let leftover = Leftover { service, pid: pid.parse().ok()?, started: started.parse().ok()? };
    leftover.lives().then_some(leftover)
}

fn marked_process(process: &Path, mark: &[u8]) -> Option<Leftover> {
    let pid: i32 = process.file_name()?.to_str()?.parse().ok()?;
    let environment = fs::read(process.join("environ")).ok()?;
    let marked = environment.split(|byte| *byte == 0).any(|variable| variable == mark);
    if !marked || pid.cast_unsigned() == std::process::id() {
        return None;
    }
    let service = fs::read_to_string(process.join("comm")).ok()?.trim().to_owned();
    Some(Leftover { service, pid, started: start_time(pid)? })
}

/// Field 22 of /proc/N/stat; `None` for the dead, zombies included. The name in field 2 may hold blanks and brackets.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if fields.first() == Some(&"Z") { None } else { fields.get(19)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn finds_by_file_and_by_mark_and_ends_even_the_frozen() {
        let folder = tempfile::tempdir().expect("folder");
        let state = StateDir::new(folder.path());
        state.create().expect("create");
        let mut known = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let mut marked = Command::new("sleep").arg("1000").env(MARK, folder.path()).spawn().expect("sleep");
        let mut other = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let pid = |child: &std::process::Child| child.id().cast_signed();
        remember(&state, "known", pid(&known)).expect("remember");
        fs::write(state.pids().join("reused"), format!("{} 1\n", pid(&other))).expect("write");
        kill(Pid::from_raw(pid(&marked)), Signal::SIGSTOP).expect("stop");

        wait_until("the marked process is there", Duration::from_secs(60), || Ok(find(&state)?.len() == 2))
            .expect("found");
        let found = find(&state).expect("find");
        let reaper = std::thread::spawn(move || (known.wait(), marked.wait()));
        end(&found, true).expect("end");
        reaper.join().expect("reaped").0.expect("status");
        assert!(find(&state).expect("find").is_empty());
        assert!(other.try_wait().expect("wait").is_none(), "a stranger with a reused pid was ended");
        other.kill().expect("kill");
        other.wait().expect("wait");
    }
}
