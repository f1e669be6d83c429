//! From the wire's text to a path.

use std::path::{Component, Path, PathBuf};

use super::error::{FileError, FileResult};

/// What the kernel takes, less the final NUL.
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;
/// Of a refused path, as much as helps to recognise it.
const SHOWN: usize = 120;

/// Makes a path absolute, seen from the work directory. `..` stays for the kernel to follow: through a
/// link it means something else than the text suggests. There is no root to stay in: callers own the sandbox.
pub fn resolve(work_dir: &Path, text: &str) -> FileResult<PathBuf> {
    let refuse = |why| Err(FileError::Path(text.chars().take(SHOWN).collect(), why));
    if text.is_empty() {
        return refuse("path is required");
    }
    if text.contains('\0') {
        return refuse("contains a NUL byte");
    }
    if text.split('/').any(|name| name.len() > LONGEST_NAME) {
        return refuse("a name is longer than 255 bytes");
    }
    let path: PathBuf = work_dir.join(text).components().collect();
    if path.as_os_str().len() > LONGEST_PATH {
        return refuse("longer than 4095 bytes");
    }
    Ok(path)
}

/// As [`resolve`], for a file that may not exist yet; a path that names a directory by its end is refused.
pub fn resolve_file(work_dir: &Path, text: &str) -> FileResult<PathBuf> {
    let path = resolve(work_dir, text)?;
    if text.ends_with('/') || text.ends_with("/.") {
        return Err(FileError::Path(text.chars().take(SHOWN).collect(), "is a directory"));
    }
    Ok(path)
}

/// Where a walk begins. Results are spelled as the caller spelled the root: below `src` they begin with `src/`.
#[derive(Debug)]
pub struct Root {
    absolute: PathBuf,
    given: PathBuf,
}

impl Root {
    /// As [`resolve`].
    pub fn resolve(work_dir: &Path, text: &str) -> FileResult<Self> {
        let given = Path::new(text).components().filter(|part| *part != Component::CurDir).collect();
        Ok(Self { absolute: resolve(work_dir, text)?, given })
    }

    /// For the file system.
    pub fn absolute(&self) -> &Path {
        &self.absolute
    }

    /// For the caller.
    pub fn spell(&self, entry: &Path) -> String {
        let below = entry.strip_prefix(&self.absolute).unwrap_or(entry);
        let spelled: PathBuf = self.given.join(below).components().collect();
        let spelled = if spelled.as_os_str().is_empty() { Path::new(".") } else { &spelled };
        spelled.to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_to_the_work_dir() {
        let resolved = |text| resolve(Path::new("/home/daytona"), text).expect("a fine path");
        assert_eq!(resolved("a/./b//c"), Path::new("/home/daytona/a/b/c"));
        assert_eq!(resolved("."), Path::new("/home/daytona"));
        assert_eq!(resolved("/etc/"), Path::new("/etc"));
        assert_eq!(resolved("../x").as_os_str(), "/home/daytona/../x");
    }

    #[test]
    fn a_file_is_no_directory() {
        for text in ["a/", "/a/b//", "a/."] {
            assert!(matches!(resolve_file(Path::new("/w"), text), Err(FileError::Path(..))), "{text}");
        }
        assert_eq!(resolve_file(Path::new("/w"), "a/b.").expect("a fine path"), Path::new("/w/a/b."));
        assert!(resolve_file(Path::new("/w"), "").expect_err("refused").to_string().contains("required"));
    }

    #[test]
    fn refused_with_a_reason() {
        let long_path = "a/".repeat(3000);
        for (text, why) in [("", "required"), ("a\0b", "NUL"), (&"n".repeat(256), "255"), (&long_path, "4095")] {
            let error = resolve(Path::new("/"), text).expect_err("refused");
            assert!(matches!(error, FileError::Path(..)));
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.to_string().len() < 300);
        }
    }
}
