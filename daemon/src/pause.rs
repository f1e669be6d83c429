//! Holds a network namespace open: waits for a signal to end, reaps nothing because nothing runs.

use std::process::ExitCode;

use anyhow::Result;
use nix::sys::signal::{SigSet, Signal};

/// Returns at SIGTERM or SIGINT.
pub fn run() -> Result<ExitCode> {
    let ends = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    // Blocked signals wait for us even as PID 1, which ignores those it does not handle.
    ends.thread_block()?;
    ends.wait()?;
    Ok(ExitCode::SUCCESS)
}
