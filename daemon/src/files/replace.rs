//! A text for another, in a file of any size: through a second file, in pieces.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use memchr::memmem::Finder;

use super::error::{FileError, FileResult};
use super::open;

const PIECE: usize = 256 * 1024;

/// Replaces every occurrence. The file keeps its identity (links, owner, mode); one without occurrences is
/// not written at all.
pub fn replace(path: &Path, pattern: &str, new_value: &str) -> FileResult<()> {
    let (source, _) = open::read(path)?;
    let mut result = scratch_beside(path).map_err(FileError::at(path))?;
    let count =
        rewrite(BufReader::new(source), &mut BufWriter::new(&mut result), pattern.as_bytes(), new_value.as_bytes())
            .map_err(FileError::at(path))?;
    if count == 0 {
        return Ok(());
    }
    result.rewind().map_err(FileError::at(path))?;
    let mut target = OpenOptions::new().write(true).truncate(true).open(path).map_err(FileError::at(path))?;
    io::copy(&mut result, &mut target).map_err(FileError::at(path))?;
    Ok(())
}

/// A nameless file where there is as much room as for the result; `TMPDIR` is the tenant's word to programs, not to us.
/// Elsewhere if the folder is closed, which is no reason not to change a file in it.
fn scratch_beside(path: &Path) -> io::Result<File> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    tempfile::tempfile_in(folder).or_else(|_| tempfile::tempfile_in("/tmp"))
}

/// Returns how many were replaced.
fn rewrite(mut source: impl Read, target: &mut impl Write, pattern: &[u8], new_value: &[u8]) -> io::Result<u64> {
    let finder = Finder::new(pattern);
    let (mut window, mut count) = (Vec::new(), 0);
    loop {
        let length = (&mut source).take(PIECE as u64).read_to_end(&mut window)?;
        let mut done = 0;
        while let Some(at) = finder.find(&window[done..]) {
            target.write_all(&window[done..done + at])?;
            target.write_all(new_value)?;
            done += at + pattern.len();
            count += 1;
        }
        if length == 0 {
            target.write_all(&window[done..])?;
            target.flush()?;
            return Ok(count);
        }
        // The last bytes may be the start of an occurrence.
        let kept = window.len().saturating_sub(pattern.len() - 1).max(done);
        target.write_all(&window[done..kept])?;
        window.drain(..kept);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    /// Gives one byte at a time, so that every occurrence straddles pieces.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1);
            self.0.read(&mut buffer[..length])
        }
    }

    #[test]
    fn as_if_in_memory() {
        for (text, pattern, new) in
            [("aaa", "aa", "b"), ("xabcabx", "abc", ""), ("", "a", "b"), ("ab", "abc", "x"), ("a", "a", "aa")]
        {
            let mut result = Vec::new();
            rewrite(Drip(text.as_bytes()), &mut result, pattern.as_bytes(), new.as_bytes()).expect("no I/O");
            assert_eq!(String::from_utf8(result).expect("text"), text.replace(pattern, new));
        }
        let large = "needle and hay ".repeat(100_000);
        let mut result = Vec::new();
        rewrite(large.as_bytes(), &mut result, b"needle", b"pin").expect("no I/O");
        assert!(result == large.replace("needle", "pin").as_bytes());
    }

    #[test]
    fn the_file_stays_the_same_file() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("script");
        fs::write(&path, "old old").expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).expect("chmod");
        let before = fs::metadata(&path).expect("stat");
        replace(&path, "old", "new!").expect("replaces");
        let after = fs::metadata(&path).expect("stat");
        assert_eq!(fs::read_to_string(&path).expect("read"), "new! new!");
        assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
        assert!(matches!(replace(&dir.path().join("none"), "a", "b"), Err(FileError::NotFound(_))));
        assert!(matches!(replace(dir.path(), "a", "b"), Err(FileError::Directory(_))));
    }
}
