//! A stack of its own for one command: brought up, put to use, taken down, and nothing is left of it.
//!
//! * [`report`] what became of the parts

mod report;

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

pub use self::report::Report;
use crate::commands::take_down;
use crate::engine;
use crate::interrupt;
use crate::paths::{StateDir, repo};
use crate::process::{command, output, run_shown, succeeds, tail};
use crate::progress::note;
use crate::stack::free_port_block;

/// Two, so that sandboxes move and requests land on the wrong one.
const RUNNERS: u16 = 2;

/// A stack under trial; never the stack of whoever runs the command.
pub struct Trial {
    /// Its state.
    pub folder: &'static str,
    /// Where the logs of a failure are kept, below `target/`.
    pub logs: &'static str,
}

impl Trial {
    /// Brings it up, does the work if it came up, keeps the logs of what failed, and makes sure that nothing is left.
    pub fn run(&self, report: &mut Report, work: impl FnOnce(&StateDir, &mut Report)) {
        let state = StateDir::new(Path::new(self.folder));
        if state.path().exists() {
            report.run("clean-up of an earlier run", || take_down(&state, true));
        }
        let engine_was_there = engine::answers();
        if report.run("stack", || bring_up(self.folder)) {
            work(&state, report);
        }
        // Whoever interrupts the work wants it gone, not left as it is.
        interrupt::resume();
        if report.has_failures() {
            report.run("logs", || keep_logs(&state, self.logs));
        }
        // The wipe itself fails when anything is left behind.
        report.run("nothing is left behind", || {
            remove_test_hosts();
            take_down(&state, true)?;
            if engine_was_there { Ok(()) } else { no_engine() }
        });
    }
}

fn no_engine() -> Result<()> {
    ensure!(!engine::answers(), "a container engine that was not there before still runs");
    ensure!(!engine::root_is_mounted()?, "the engine's folder is still mounted onto itself");
    Ok(())
}

/// In a process of its own: the supervisor's signals and children are not those of the tests.
fn bring_up(state: &str) -> Result<()> {
    let ports = free_port_block(5 + 2 * RUNNERS)?;
    let mut up = command(&std::env::current_exe()?.display().to_string(), ["up", "--detach", "--state-dir", state]);
    up.arg("--runners").arg(RUNNERS.to_string());
    let flags =
        [("--api-port", 0), ("--aws-port", 1), ("--ssh-port", 2), ("--edge-port", 3), ("--relay-port", 3 + RUNNERS)];
    for (flag, offset) in flags {
        up.arg(flag).arg((ports + offset).to_string());
    }
    run_shown(up.current_dir(repo()))
}

/// Where they survive the wipe, and the end of each for whoever has only this output.
fn keep_logs(state: &StateDir, folder: &str) -> Result<()> {
    let Ok(logs) = fs::read_dir(state.logs()) else { return Ok(()) };
    let kept = repo().join("target").join(folder);
    fs::create_dir_all(&kept)?;
    for log in logs.flatten() {
        fs::copy(log.path(), kept.join(log.file_name()))?;
        note(&format!("--- end of {}\n{}", log.path().display(), tail(&log.path())));
    }
    note(&format!("All logs: {}", kept.display()));
    Ok(())
}

/// Network namespaces that play other hosts; tests that were killed could not remove them.
fn remove_test_hosts() {
    let Ok(listed) = output(&mut command("ip", ["netns", "list"])) else { return };
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    for name in names.filter(|name| name.starts_with("paddock-test-")) {
        note(&format!("removing network namespace {name}, left by a test"));
        let _ = succeeds(&mut command("ip", ["netns", "delete", name]));
    }
}
