//! `infra/` by cfn-lint, which knows what CloudFormation accepts, offline.

use std::fs;

use anyhow::{Context, Result};

use super::Findings;
use crate::paths::{cache, repo};
use crate::process::{command, run, run_for_findings, succeeds};
use crate::progress::note;

/// Pinned: a new release has new opinions.
const VERSION: &str = "cfn-lint==1.58.0";

pub fn look() -> Result<Findings> {
    let folder = repo().join("infra");
    let templates = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let templates: Vec<_> =
        templates.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    // Debian packs both apart from python3, and answers `-m venv --help` without them.
    if !succeeds(&mut command("python3", ["-c", "import ensurepip, venv"])) {
        note("    no python3 with venv: the template is not checked");
        return Ok(Vec::new());
    }
    let program = cache().join(VERSION).join("bin/cfn-lint");
    if !program.is_file() {
        install()?;
    }
    let program = program.display().to_string();
    let result = run_for_findings(command(&program, templates).current_dir(repo()));
    Ok(result.err().map(|error| format!("{error:#}")).into_iter().collect())
}

fn install() -> Result<()> {
    let folder = cache().join(VERSION);
    fs::create_dir_all(cache())?;
    note("    installing cfn-lint into .paddock/cache: it checks the template");
    run(command("python3", ["-m", "venv"]).arg(&folder))?;
    let pip = folder.join("bin/pip").display().to_string();
    run(&mut command(&pip, ["install", "--quiet", VERSION])).context("cfn-lint comes from PyPI")
}
