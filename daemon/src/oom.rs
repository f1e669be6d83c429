//! Who dies when memory runs out. The daemon keeps a low score, so that a sandbox that ran out of
//! memory still answers; what it spawns gets the ordinary score.

use std::fs;
use std::io;

use tokio::process::Command;

const SCORE: &str = "/proc/self/oom_score_adj";
const LOW: i32 = -900;
const ORDINARY: &str = "0";

/// Lowers this process's score where that is permitted (it takes CAP_SYS_RESOURCE; the runner
/// can also start the container low).
pub fn shield_self() {
    if own_score().is_some_and(|score| score > LOW) {
        // Not permitted is the ordinary case for a plain container; the score then stays.
        let _ = fs::write(SCORE, LOW.to_string());
    }
}

/// A child of the shielded daemon starts with the ordinary score.
#[expect(unsafe_code, reason = "only the child itself can raise its score before any of its code runs")]
pub fn unshield(command: &mut Command) {
    if own_score().is_some_and(|score| score < 0) {
        // SAFETY: the function makes system calls only; it allocates nothing and takes no lock.
        unsafe { command.pre_exec(unshield_child) };
    }
}

/// For the child between fork and exec: only system calls, no allocation (the path is short enough
/// for the standard library's stack buffer). Raising one's own score is always permitted.
fn unshield_child() -> io::Result<()> {
    fs::write(SCORE, ORDINARY)
}

fn own_score() -> Option<i32> {
    fs::read_to_string(SCORE).ok()?.trim().parse().ok()
}
