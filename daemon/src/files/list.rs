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

    /// Entries, by name within each directory; links are shown, not followed. What cannot be
    /// looked at (removed meanwhile, no permission below) is left out.
    pub fn entries(self) -> impl Iterator<Item = FileInfo> {
        let walk = WalkDir::new(self.path).min_depth(1).max_depth(self.depth).sort_by_file_name();
        walk.into_iter().filter_map(|entry| {
            let entry = entry.ok()?;
            Some(describe(entry.path(), &entry.metadata().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_order() {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::create_dir_all(dir.path().join("b/c/d")).expect("mkdir");
        fs::write(dir.path().join("a"), "").expect("write");
        std::os::unix::fs::symlink("b", dir.path().join("z")).expect("link");
        let names = |depth| -> Vec<_> {
            let entries = Listing::open(dir.path(), depth).expect("a directory").entries();
            entries.map(|entry| entry.name).collect()
        };
        assert_eq!(names(1), ["a", "b", "z"]);
        assert_eq!(names(2), ["a", "b", "c", "z"]);
        assert_eq!(names(usize::MAX), ["a", "b", "c", "d", "z"]);
        assert!(matches!(Listing::open(dir.path(), 0), Err(FileError::Argument(_))));
        assert!(matches!(Listing::open(&dir.path().join("none"), 1), Err(FileError::NotFound(_))));
        assert!(matches!(Listing::open(&dir.path().join("a"), 1), Err(FileError::Io(..))));
    }
}
