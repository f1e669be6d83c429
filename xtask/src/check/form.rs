//! What a newcomer meets first: crate roots open with a map, handlers are short, bans say why.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Findings;
use super::sizes::sources;
use crate::paths::repo;

/// Extract, convert, call one action, answer: more does not belong in a handler.
const HANDLER_LINES: usize = 25;

/// Where handlers live; elsewhere a public async function may be anything.
const HANDLERS: [&str; 3] = ["functions/src/routes", "functions/src/agents", "daemon/src/http"];

pub fn look() -> Result<Findings> {
    let mut findings = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path)?;
        let place = path.strip_prefix(repo()).unwrap_or(&path);
        let is_root = place.ends_with("src/lib.rs") || place.file_name().is_some_and(|name| name == "main.rs");
        if is_root && !text.starts_with("//!") {
            findings.push(format!("{}: a root opens with //!: purpose, modules, where to start", place.display()));
        }
        if HANDLERS.iter().any(|folder| place.starts_with(folder)) {
            findings.extend(long_handlers(&text).into_iter().map(|line| format!("{}: {line}", place.display())));
        }
    }
    for name in ["clippy.toml", "deny.toml"] {
        findings.extend(bans_without_reason(&repo().join(name))?);
    }
    Ok(findings)
}

/// As rustfmt lays them out: a function of a module ends with a brace in the first column.
fn long_handlers(text: &str) -> Findings {
    let mut findings = Vec::new();
    let mut open: Option<(&str, Option<usize>)> = None;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("pub async fn ") || line.starts_with("async fn ") {
            open = Some((line, None));
        }
        let Some((name, begins)) = &mut open else { continue };
        if begins.is_none() && line.ends_with('{') {
            *begins = Some(number);
        }
        if line == "}" {
            let length = begins.map_or(0, |begins| number - begins - 1);
            if length > HANDLER_LINES {
                findings.push(format!("`{name}` has {length} lines; a handler at most {HANDLER_LINES}"));
            }
            open = None;
        }
    }
    findings
}

fn bans_without_reason(path: &Path) -> Result<Findings> {
    let text = fs::read_to_string(path)?;
    let bans = text.lines().map(str::trim).filter(|line| line.starts_with("{ path") || line.starts_with("{ crate"));
    let silent = bans.filter(|line| !line.contains("reason = \""));
    Ok(silent.map(|line| format!("{}: `{line}` gives no reason", path.display())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_handler_is_found_whatever_its_head() {
        let body = "    let x = 1;\n".repeat(26);
        let long = format!("pub async fn get(\n    a: A,\n) -> B {{\n{body}}}\n");
        assert_eq!(long_handlers(&long).len(), 1);
        let short = format!("pub async fn get(\n    a: A,\n) -> B {{\n{}}}\n", "    let x = 1;\n".repeat(25));
        assert!(long_handlers(&short).is_empty());
        assert!(long_handlers(&format!("fn other() {{\n{body}}}\n")).is_empty());
    }
}
