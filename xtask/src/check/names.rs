//! Names without a subject: a crate or module called so attracts everything and explains nothing.

use anyhow::Result;
use cargo_metadata::Metadata;

use super::{Findings, sizes};

const BANNED: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"];

pub fn look(metadata: &Metadata) -> Result<Findings> {
    let crates = metadata.workspace_packages().into_iter().map(|package| package.name.to_string());
    let mut findings: Findings = crates.filter(|name| is_banned(name)).map(|name| format!("crate {name}")).collect();
    for path in sizes::sources() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        // A folder is a module by its mod.rs.
        let module = if stem == "mod" {
            path.parent().and_then(|folder| folder.file_name()).unwrap_or_default().to_string_lossy()
        } else {
            stem
        };
        if is_banned(&module) {
            findings.push(format!("module {module} ({}): name the concept", path.display()));
        }
    }
    Ok(findings)
}

fn is_banned(name: &str) -> bool {
    name.split(['-', '_']).any(|word| BANNED.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_banned() {
        assert!(is_banned("string_utils") && is_banned("paddock-common") && is_banned("manager"));
        assert!(!is_banned("commons_of") && !is_banned("utility_pole") && !is_banned("runner-agent"));
    }
}
