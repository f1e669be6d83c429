//! Which crate may use which. Arrows go one way; the three programs never depend on each other.

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata};

use super::Findings;

/// A crate and what it may use of this workspace.
struct Allowed {
    from: &'static str,
    always: &'static [&'static str],
    /// Also by its tests.
    tests: &'static [&'static str],
}

const TABLE: [Allowed; 9] = [
    Allowed { from: "paddock-model", always: &[], tests: &[] },
    Allowed { from: "paddock-wire", always: &["paddock-model"], tests: &[] },
    // The store has no twin: its tests speak to the embedded engines through the real client.
    Allowed { from: "paddock-functions", always: &["paddock-model", "paddock-wire"], tests: &["paddock-localstack"] },
    Allowed { from: "paddock-layers", always: &[], tests: &[] },
    Allowed { from: "paddock-runner-agent", always: &["paddock-model", "paddock-wire", "paddock-layers"], tests: &[] },
    Allowed { from: "paddock-daemon", always: &["paddock-model", "paddock-wire"], tests: &[] },
    Allowed { from: "paddock-localstack", always: &[], tests: &[] },
    Allowed { from: "xtask", always: &[], tests: &[] },
    Allowed { from: "paddock-tests", always: &EVERYTHING, tests: &[] },
];

const EVERYTHING: [&str; 6] = [
    "paddock-model",
    "paddock-wire",
    "paddock-functions",
    "paddock-runner-agent",
    "paddock-daemon",
    "paddock-localstack",
];

pub fn look(metadata: &Metadata) -> Result<Findings> {
    let packages = metadata.workspace_packages();
    let ours = |name: &str| packages.iter().any(|package| package.name.as_str() == name);
    let mut findings = Vec::new();
    for package in &packages {
        let from = package.name.as_str();
        if !TABLE.iter().any(|row| row.from == from) {
            findings.push(format!("{from} is not in the table of xtask/src/check/arrows.rs"));
        }
        let used = package.dependencies.iter().filter(|dependency| ours(&dependency.name));
        let wrong = used.filter(|used| !may(from, &used.name, used.kind == DependencyKind::Development));
        findings.extend(wrong.map(|used| format!("{from} must not use {}", used.name)));
    }
    Ok(findings)
}

fn may(from: &str, to: &str, in_tests: bool) -> bool {
    let row = TABLE.iter().find(|row| row.from == from);
    row.is_some_and(|row| row.always.contains(&to) || (in_tests && row.tests.contains(&to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_programs_never_use_each_other() {
        let programs = ["paddock-functions", "paddock-runner-agent", "paddock-daemon"];
        for from in programs {
            for to in programs {
                assert!(!may(from, to, true), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn arrows_have_no_circle() {
        for row in &TABLE {
            for to in row.always {
                assert!(!may(to, row.from, false), "{} <-> {to}", row.from);
            }
        }
        assert!(
            may("paddock-functions", "paddock-localstack", true)
                && !may("paddock-functions", "paddock-localstack", false)
        );
    }
}
