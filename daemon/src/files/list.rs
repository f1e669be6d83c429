//! What is in a directory.

use std::fs;
use std::path::{Path, PathBuf};

use paddock_wire::toolbox::files::FileInfo;
use walkdir::WalkDir;

use super::error::{FileError, FileResult};
use super::info::describe;

/// A directory that can be listed.
#[derive(Debug)]
pub struct Listing {
    path: PathBuf,
    depth: usize,
}

impl Listing {
    /// Checks what can be checked before the first entry is sent. Depth 1 is the direct entries.
    pub fn open(path: &Path, depth: usize) -> FileResult<Self> {
        if depth == 0 {
            return Err(FileError::Argument("depth must be at least 1".to_owned()));
        }
        fs::read_dir(path).map_err(FileError::at(path))?;
        Ok(Self { path: path.to_path_buf(), depth })
    }

    /// Entries, by name within each directory, until `gone` says that nobody waits for more. A link is described
    /// as what it leads to, as by [`super::info::info`], but not entered. What cannot be looked at (a link to
    /// nothing, removed meanwhile, no permission below) is left out.
    pub fn entries(self, gone: impl Fn() -> bool) -> impl Iterator<Item = FileInfo> {
        let walk = WalkDir::new(self.path).min_depth(1).max_depth(self.depth).sort_by_file_name();
        walk.into_iter().take_while(move |_| !gone()).filter_map(|entry| {
            let entry = entry.ok()?;
            Some(describe(entry.path(), &fs::metadata(entry.path()).ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::info::info;
    use super::*;

    #[test]
    fn depth_and_order() {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::create_dir_all(dir.path().join("b/c/d")).expect("mkdir");
        fs::write(dir.path().join("a"), "").expect("write");
        symlink("b", dir.path().join("z")).expect("link");
        let names = |depth| -> Vec<_> {
            let entries = Listing::open(dir.path(), depth).expect("a directory").entries(|| false);
            entries.map(|entry| entry.name).collect()
        };
        assert_eq!(names(1), ["a", "b", "z"]);
        assert_eq!(names(2), ["a", "b", "c", "z"]);
        assert_eq!(names(usize::MAX), ["a", "b", "c", "d", "z"]);
        assert!(matches!(Listing::open(dir.path(), 0), Err(FileError::Argument(_))));
        assert!(matches!(Listing::open(&dir.path().join("none"), 1), Err(FileError::NotFound(_))));
        assert!(matches!(Listing::open(&dir.path().join("a"), 1), Err(FileError::Io(..))));
    }

    #[test]
    fn links_are_what_they_lead_to() {
        let dir = tempfile::tempdir().expect("temp dir");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("folder")).expect("mkdir");
        fs::write(at("file"), "12345").expect("write");
        for (target, link) in [("folder", "to-folder"), ("file", "to-file"), ("nothing", "to-nothing"), (".", "up")] {
            symlink(target, at(link)).expect("link");
        }
        let listed: Vec<_> = Listing::open(dir.path(), 9).expect("a directory").entries(|| false).collect();
        let names: Vec<_> = listed.iter().map(|entry| (entry.name.as_str(), entry.is_dir)).collect();
        assert_eq!(names, [("file", false), ("folder", true), ("to-file", false), ("to-folder", true), ("up", true)]);
        for entry in listed {
            assert_eq!(info(&at(&entry.name)).expect("stat"), entry);
        }
    }

    #[test]
    fn nobody_waits() {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::write(dir.path().join("a"), "").expect("write");
        assert_eq!(Listing::open(dir.path(), 1).expect("a directory").entries(|| true).count(), 0);
    }
}
