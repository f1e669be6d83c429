//! What a directory takes of its disk, while its owner may do in it whatever he likes.

use std::{collections::HashSet, io, os::fd::OwnedFd, path::Path, rc::Rc, sync::atomic::AtomicBool};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag},
    sys::stat::{Mode, SFlag, fstatat},
};

use crate::{
    error::{Cancel, Error, at_call},
    root::{Root, below},
};

/// The unit of `st_blocks`, whatever the file system's own.
const BLOCK: u64 = 512;
/// A path that is longer goes on from an open directory: the kernel takes none above 4096 bytes, and files that lie
/// deeper take room all the same.
const LONG: usize = 3000;

/// Bytes that the files of a directory take on the disk: without holes, and those with several names once. What comes and
/// goes meanwhile may be counted or not. Costs a look at each file (two to ten microseconds while the kernel has them in
/// memory), and reads none.
///
/// # Errors
/// When the directory itself cannot be read, or `cancel` was raised.
pub fn usage(dir: &Path, cancel: Option<&AtomicBool>) -> Result<u64, Error> {
    let root = Root::open(dir).map_err(|source| Error::Files { path: dir.to_owned(), source })?;
    let first = root.at(b"", OFlag::O_RDONLY | OFlag::O_DIRECTORY).map_err(at_call(b""))?;
    let mut walk = Walk { bytes: 0, seen: HashSet::new(), left: vec![(Rc::new(first), Vec::new())] };
    while let Some((base, path)) = walk.left.pop() {
        Cancel(cancel).check()?;
        match walk.directory(&base, &path) {
            Ok(()) => {}
            // Gone, or something else by now. What the kernel or the disk cannot say of one is no reason to see nothing.
            Err(error) if !path.is_empty() && error.raw_os_error() != Some(Errno::EMFILE as i32) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(walk.bytes)
}

struct Walk {
    bytes: u64,
    /// Files with several names.
    seen: HashSet<(u64, u64)>,
    /// Directories to look into, each from an open one. Not a stack of functions: a tenant can make directories deeper
    /// than a thread's stack.
    left: Vec<(Rc<OwnedFd>, Vec<u8>)>,
}

impl Walk {
    fn directory(&mut self, base: &Rc<OwnedFd>, path: &[u8]) -> io::Result<()> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_NOATIME;
        let opened = below(base, if path.is_empty() { b"." } else { path }, flags, Mode::empty())?;
        let (base, path) = if path.len() > LONG {
            (Rc::new(opened.try_clone()?), Vec::new())
        } else {
            (Rc::clone(base), path.to_vec())
        };
        let mut dir = Dir::from_fd(opened)?;
        let mut inside = Vec::new();
        for entry in dir.iter() {
            let name = entry?.file_name().to_owned();
            if !matches!(name.to_bytes(), b"." | b"..") {
                inside.push(name);
            }
        }
        for name in inside {
            let Ok(stat) = fstatat(&dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            let is_dir = stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits();
            if !is_dir && stat.st_nlink > 1 && !self.seen.insert((stat.st_dev, stat.st_ino)) {
                continue;
            }
            self.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK;
            if is_dir {
                let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
                self.left.push((Rc::clone(&base), [&path, slash, name.to_bytes()].concat()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::fd::AsRawFd,
        os::unix::fs::{FileExt, MetadataExt, symlink},
        sync::atomic::AtomicBool,
    };

    use super::*;

    const MIB: u64 = 1 << 20;

    fn filled(path: &Path, bytes: u64) {
        fs::write(path, vec![1; usize::try_from(bytes).unwrap()]).unwrap();
    }

    /// More than so many, and not much more.
    fn is_about(usage: u64, bytes: u64) -> bool {
        (bytes..bytes + MIB / 2).contains(&usage)
    }

    #[test]
    fn holes_and_further_names_take_nothing_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        filled(&elsewhere.path().join("big"), 8 * MIB);
        filled(&dir.path().join("file"), MIB);
        fs::hard_link(dir.path().join("file"), dir.path().join("again")).unwrap();
        File::create(dir.path().join("sparse")).unwrap().write_all_at(b"end", 64 * MIB).unwrap();
        symlink(elsewhere.path(), dir.path().join("link")).unwrap();
        let used = usage(dir.path(), None).unwrap();
        assert!(is_about(used, MIB), "{used}");
    }

    #[test]
    fn files_deeper_than_any_path_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let name = "d".repeat(200);
        let mut at = File::open(dir.path()).unwrap();
        // 12 kB of names.
        for _ in 0..60 {
            nix::sys::stat::mkdirat(&at, name.as_str(), Mode::S_IRWXU).unwrap();
            at = below(&at, name.as_bytes(), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).unwrap().into();
        }
        let inside = format!("/proc/self/fd/{}/file", at.as_raw_fd());
        filled(Path::new(&inside), 2 * MIB);
        assert_eq!(fs::metadata(&inside).unwrap().size(), 2 * MIB);
        let used = usage(dir.path(), None).unwrap();
        assert!(is_about(used, 2 * MIB), "{used}");
    }

    #[test]
    fn what_is_not_there_is_an_error_and_a_raised_flag_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(usage(&dir.path().join("none"), None).is_err());
        assert!(matches!(usage(dir.path(), Some(&AtomicBool::new(true))), Err(Error::Cancelled)));
    }
}
