//! By content: lines that contain a text.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use memchr::memmem::Finder;
use paddock_wire::toolbox::files::Match;
use walkdir::{DirEntry, WalkDir};

use super::error::{FileError, FileResult};
use super::open;
use super::place::Root;

/// A NUL among the first bytes makes a file binary.
const BINARY_PROBE: usize = 512;
/// A longer line ends the scan of its file.
const LONGEST_LINE: u64 = 64 * 1024;

/// Lines of the regular files below the root (or of the root, if it is one); none if it is missing.
/// Binary and unreadable files are passed over. Ends when `gone` says that nobody waits for more.
pub fn find<F: Fn() -> bool + Clone>(
    root: Root,
    pattern: &str,
    gone: F,
) -> FileResult<impl Iterator<Item = Match> + use<F>> {
    if pattern.is_empty() {
        return Err(FileError::Argument("pattern is required".to_owned()));
    }
    let finder = Finder::new(pattern).into_owned();
    let among_files = gone.clone();
    let walk = WalkDir::new(root.absolute()).sort_by_file_name().into_iter().take_while(move |_| !among_files());
    Ok(walk.filter_map(Result::ok).filter_map(text_of).flat_map(move |(entry, reader)| {
        let (file, finder, gone) = (root.spell(entry.path()), finder.clone(), gone.clone());
        Lines { reader, number: 0 }
            .take_while(move |_| !gone())
            .filter(move |(_, line)| finder.find(line).is_some())
            .map(move |(line, content)| Match { file: file.clone(), line, content: text(&content) })
    }))
}

fn text_of(entry: DirEntry) -> Option<(DirEntry, BufReader<File>)> {
    // A root that is a link to a file counts as the file.
    let is_root_file = || entry.depth() == 0 && is_file(entry.path());
    if !(entry.file_type().is_file() || is_root_file()) {
        return None;
    }
    let mut reader = BufReader::new(open::read(entry.path()).ok()?.0);
    let start = reader.fill_buf().ok()?;
    let probe = &start[..start.len().min(BINARY_PROBE)];
    (!probe.contains(&0)).then_some((entry, reader))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// Lines of bounded length, without their ends.
struct Lines {
    reader: BufReader<File>,
    number: u64,
}

impl Iterator for Lines {
    type Item = (u64, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        let length = self.reader.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line).ok()?;
        if line.last() == Some(&b'\n') {
            line.pop();
            line.pop_if(|last| *last == b'\r');
        } else if length == 0 || length as u64 > LONGEST_LINE {
            return None;
        }
        self.number += 1;
        Some((self.number, line))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::*;

    #[test]
    fn nobody_waits_for_the_rest_of_a_file() {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::write(dir.path().join("file"), "x\n".repeat(100)).expect("write");
        let gone = Cell::new(false);
        let root = Root::resolve(dir.path(), ".").expect("a path");
        let mut found = find(root, "x", || gone.get()).expect("a pattern");
        assert!(found.next().is_some());
        gone.set(true);
        assert!(found.next().is_none());
    }

    #[test]
    fn lines_of_text_files() {
        let dir = tempfile::tempdir().expect("temp dir");
        let write = |name: &str, content: &[u8]| fs::write(dir.path().join(name), content).expect("write");
        write("a.txt", b"no\nTODO one\r\nlast TODO");
        write("binary", b"TODO\0TODO");
        write("late", &[vec![b'x'; 600], b"\0 TODO\n".to_vec()].concat());
        write("long", &[b"TODO\n".to_vec(), vec![b'x'; 70_000], b"\nTODO\n".to_vec()].concat());
        std::os::unix::fs::symlink("a.txt", dir.path().join("link")).expect("link");
        let found = |at: &str| -> Vec<(String, u64)> {
            let root = Root::resolve(dir.path(), at).expect("a path");
            find(root, "TODO", || false).expect("a pattern").map(|found| (found.file, found.line)).collect()
        };
        let expected =
            [("a.txt", 2), ("a.txt", 3), ("late", 1), ("long", 1)].map(|(file, line)| (file.to_owned(), line));
        assert_eq!(found("."), expected);
        assert_eq!(found("a.txt"), expected[..2]);
        assert_eq!(found("link"), [("link".to_owned(), 2), ("link".to_owned(), 3)]);
        assert!(found("missing").is_empty());
        let root = Root::resolve(dir.path(), "a.txt").expect("a path");
        assert_eq!(find(root, "one", || false).expect("a pattern").next().expect("one").content, "TODO one");
    }
}
