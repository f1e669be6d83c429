//! By name: a shell pattern on the base name.

use walkdir::WalkDir;

use super::error::{FileError, FileResult};
use super::glob::Glob;
use super::place::Root;

/// Files and directories below the root, and the root itself, whose name fits; none if it is missing.
/// Ends when `gone` says that nobody waits for more.
pub fn search<F: Fn() -> bool>(
    root: Root,
    pattern: &str,
    gone: F,
) -> FileResult<impl Iterator<Item = String> + use<F>> {
    let glob = Glob::parse(pattern)
        .filter(|_| !pattern.is_empty())
        .ok_or_else(|| FileError::Argument(format!("invalid pattern: {pattern:?}")))?;
    let walk = WalkDir::new(root.absolute()).sort_by_file_name();
    Ok(walk.into_iter().take_while(move |_| !gone()).filter_map(move |entry| {
        let entry = entry.ok()?;
        glob.fits(&entry.file_name().to_string_lossy()).then(|| root.spell(entry.path()))
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn directories_and_the_root_too() {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::create_dir_all(dir.path().join("src/deep.rs")).expect("mkdir");
        fs::write(dir.path().join("src/deep.rs/a.rs"), "").expect("write");
        let found = |at: &str, pattern| -> Vec<String> {
            let root = Root::resolve(dir.path(), at).expect("a path");
            search(root, pattern, || false).expect("a pattern").collect()
        };
        assert_eq!(found("src", "*.rs"), ["src/deep.rs", "src/deep.rs/a.rs"]);
        assert_eq!(found(".", "s*c"), ["src"]);
        assert_eq!(found("./src", "src"), ["src"]);
        assert!(found("missing", "*").is_empty());
        let absolute = dir.path().join("src").display().to_string();
        assert_eq!(found(&absolute, "src"), [absolute]);
        assert!(search(Root::resolve(Path::new("/"), "tmp").expect("a path"), "[", || false).is_err());
        let root = Root::resolve(dir.path(), ".").expect("a path");
        assert_eq!(search(root, "*", || true).expect("a pattern").count(), 0, "nobody waits");
    }
}
