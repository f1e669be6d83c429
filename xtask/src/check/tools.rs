//! Checks that are other programs.

use anyhow::Result;

use super::Findings;
use crate::process::{self, run_for_findings, succeeds};
use crate::progress::note;

pub fn format() -> Result<Findings> {
    Ok(cargo(&["fmt", "--all", "--check"]))
}

/// `too_many_lines` is among the workspace lints; clippy.toml sets it to the 60 lines of the style anchors.
pub fn clippy() -> Result<Findings> {
    Ok(cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

/// Building cargo-deny takes minutes, so it runs where somebody has it.
pub fn deny() -> Result<Findings> {
    if !succeeds(&mut process::cargo(["deny", "--version"])) {
        note(
            "    cargo-deny is not installed (cargo install cargo-deny --locked, some minutes): deny.toml is not checked",
        );
        return Ok(Vec::new());
    }
    Ok(cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]))
}

fn cargo(args: &[&str]) -> Findings {
    let result = run_for_findings(&mut process::cargo(args));
    result.err().map(|error| format!("{error:#}")).into_iter().collect()
}
