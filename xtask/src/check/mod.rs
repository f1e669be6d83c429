//! The form of the workspace, measured. Each check returns what is wrong, in lines; nothing stops at the first.

mod arrows;
mod form;
mod manifests;
mod names;
mod sizes;
mod template;
mod tools;

use anyhow::{Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::paths::repo;
use crate::progress::{note, step};

/// What is wrong, one line each; empty is good.
type Findings = Vec<String>;

/// A named check.
struct Rule {
    name: &'static str,
    look: fn(&Metadata) -> Result<Findings>,
}

/// Cheap ones first: somebody waits.
const RULES: [Rule; 9] = [
    Rule { name: "format (rustfmt)", look: |_| tools::format() },
    Rule { name: "file sizes", look: |_| sizes::look() },
    Rule { name: "roots, handlers, bans", look: |_| form::look() },
    Rule { name: "arrows between crates", look: arrows::look },
    Rule { name: "names of crates and modules", look: names::look },
    Rule { name: "versions only in the root manifest", look: manifests::look },
    Rule { name: "template (cfn-lint)", look: |_| template::look() },
    Rule { name: "dependencies (cargo-deny)", look: |_| tools::deny() },
    Rule { name: "clippy", look: |_| tools::clippy() },
];

/// Runs every check and fails with all findings together.
pub fn run() -> Result<()> {
    let metadata = MetadataCommand::new().current_dir(repo()).no_deps().exec()?;
    let mut report = Vec::new();
    for rule in RULES {
        let findings = step(rule.name, || {
            let findings = (rule.look)(&metadata).unwrap_or_else(|error| vec![format!("{error:#}")]);
            Ok(findings)
        })?;
        if !findings.is_empty() {
            report.push(format!("## {}\n{}", rule.name, findings.join("\n")));
        }
    }
    if report.is_empty() {
        note("check: all good");
        return Ok(());
    }
    bail!("{} of {} checks failed\n\n{}", report.len(), RULES.len(), report.join("\n\n"))
}
