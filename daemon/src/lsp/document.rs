//! Files, as servers name them.

use std::io::Read;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::files::{FileError, FileResult, open, place};

/// A source file is smaller; servers keep it in memory several times.
const LARGEST: u64 = 16 * 1024 * 1024;
const SCHEME: &str = "file://";
/// What a URI's path may hold as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// From the client's `file://` and a path, which it does not encode and which may be relative.
pub fn path_of(work_dir: &Path, uri: &str) -> FileResult<PathBuf> {
    let text = uri.strip_prefix(SCHEME).unwrap_or(uri);
    let path = place::resolve(work_dir, text)?;
    if !path.exists()
        && let Ok(decoded) = percent_decode_str(text).decode_utf8()
        && decoded != text
    {
        return place::resolve(work_dir, &decoded);
    }
    Ok(path)
}

/// As servers want it.
pub fn uri_of(path: &Path) -> String {
    format!("{SCHEME}{}", utf8_percent_encode(&path.to_string_lossy(), ENCODED))
}

/// The text of a file.
pub fn read(path: &Path) -> FileResult<String> {
    let (file, _) = open::read(path)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(FileError::at(path))?;
    if bytes.len() as u64 > LARGEST {
        return Err(FileError::Argument(format!("{} is larger than {LARGEST} bytes", path.display())));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let dir = tempfile::tempdir().expect("temp dir");
        std::fs::write(dir.path().join("a b%20ü.py"), "x").expect("write");
        let path = path_of(dir.path(), "file://a b%20ü.py").expect("a path");
        assert_eq!(path, dir.path().join("a b%20ü.py"));
        assert!(uri_of(&path).ends_with("/a%20b%2520%C3%BC.py"));
        assert_eq!(path_of(Path::new("/"), &uri_of(&path)).expect("a path"), path);
        assert_eq!(read(&path).expect("text"), "x");
        assert!(path_of(dir.path(), "file://").is_err());
    }
}
