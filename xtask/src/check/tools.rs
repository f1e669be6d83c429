//! Checks that are other programs.

use std::process::Command;

use anyhow::{Context, Result};

use super::Findings;
use crate::paths::{cache, repo};
use crate::process::{self, run, run_for_findings};
use crate::progress::note;

/// Pinned: a new release has new opinions.
const DENY: &str = "0.20.2";

pub fn format() -> Result<Findings> {
    Ok(cargo(&["fmt", "--all", "--check"]))
}

/// `too_many_lines` is among the workspace lints; clippy.toml sets it to the 60 lines of the style anchors.
pub fn clippy() -> Result<Findings> {
    Ok(cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

/// Without the advisories, whose database is not on crates.io: what a clone passes must not change by the day.
pub fn deny() -> Result<Findings> {
    let folder = cache().join(format!("cargo-deny-{DENY}"));
    let program = folder.join("bin/cargo-deny");
    if !program.is_file() {
        note("    installing cargo-deny into .paddock/cache, some minutes once: it checks deny.toml");
        // Not optimized (CI's profile would), and without debug information: it is built for longer than it ever runs.
        let quick = ["--config", "profile.dev.package.'*'.opt-level=0", "--config", "profile.dev.debug=false"];
        let mut install = process::cargo(["install", "--debug", "--locked", "cargo-deny", "--version", DENY]);
        run(install.args(quick).arg("--root").arg(&folder)).context("cargo-deny comes from crates.io")?;
    }
    let words = ["--offline", "check", "bans", "licenses", "sources"];
    Ok(findings(process::command(&program.display().to_string(), words).current_dir(repo())))
}

fn cargo(args: &[&str]) -> Findings {
    findings(&mut process::cargo(args))
}

fn findings(command: &mut Command) -> Findings {
    let result = run_for_findings(command);
    result.err().map(|error| format!("{error:#}")).into_iter().collect()
}
