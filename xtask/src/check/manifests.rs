//! Manifests: every version in the root, no Cargo features in our crates, workspace lints everywhere.

use std::fs;

use anyhow::Result;
use cargo_metadata::Metadata;

use super::Findings;

pub fn look(metadata: &Metadata) -> Result<Findings> {
    let mut findings = Vec::new();
    for package in metadata.workspace_packages() {
        let text = fs::read_to_string(&package.manifest_path)?;
        let wrong = judge(&text);
        findings.extend(wrong.into_iter().map(|line| format!("{}: {line}", package.manifest_path)));
        findings.extend(
            package.features.keys().map(|name| format!("{}: feature {name}; configure at run time", package.name)),
        );
    }
    Ok(findings)
}

fn judge(manifest: &str) -> Findings {
    let mut findings = Vec::new();
    let mut in_dependencies = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_dependencies = line.trim_end_matches(']').ends_with("dependencies");
            if line.contains("dependencies.") {
                findings.push(format!("`{line}`: one line per dependency, so that versions are seen"));
            }
        } else if in_dependencies && line.contains('=') && !line.starts_with('#') && !line.contains("workspace = true")
        {
            findings.push(format!("`{line}`: the version belongs to the root manifest"));
        }
    }
    if !manifest.contains("[lints]\nworkspace = true") {
        findings.push("no `[lints] workspace = true`".to_owned());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_outside_of_the_root_is_found() {
        let good = "[package]\nversion = \"1\"\n[lints]\nworkspace = true\n[dependencies]\nx.workspace = true\ny = { workspace = true }\n";
        assert!(judge(good).is_empty(), "{:?}", judge(good));
        let bad = good.replace("x.workspace = true", "x = \"1\"");
        assert_eq!(judge(&bad).len(), 1);
        assert_eq!(judge("[lints]\nworkspace = true\n[dependencies.x]\nversion = \"1\"").len(), 1);
        assert_eq!(judge("[dev-dependencies]\nx = { path = \"..\" }").len(), 2, "path and missing lints");
    }
}
