//! Move: a rename where the file system can, else copy and delete.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat, renameat2};
use walkdir::WalkDir;

use super::error::{FileError, FileResult};

/// Never over something that exists.
pub fn relocate(source: &Path, destination: &Path) -> FileResult<()> {
    fs::symlink_metadata(source).map_err(FileError::at(source))?;
    if fs::symlink_metadata(destination).is_ok() {
        return Err(FileError::Exists(destination.to_path_buf()));
    }
    let parent = destination.parent().unwrap_or(Path::new("/"));
    fs::metadata(parent).map_err(FileError::at(parent))?;
    match rename(source, destination) {
        Err(Errno::EXDEV) => copy_and_delete(source, destination),
        Err(Errno::EINVAL) if destination.starts_with(source) => {
            Err(FileError::Argument(format!("cannot move {} into itself", source.display())))
        }
        renamed => renamed.map_err(FileError::errno(destination)),
    }
}

/// The kernel looks whether the name is free, so that of two moves at once one is refused.
fn rename(source: &Path, destination: &Path) -> Result<(), Errno> {
    match renameat2(AT_FDCWD, source, AT_FDCWD, destination, RenameFlags::RENAME_NOREPLACE) {
        // This file system knows no flags: we look, as closely before as can be.
        Err(Errno::EINVAL | Errno::ENOSYS) if fs::symlink_metadata(destination).is_err() => {
            renameat(AT_FDCWD, source, AT_FDCWD, destination)
        }
        renamed => renamed,
    }
}

/// Under a name of its own beside the destination, and from there in one step: what somebody else puts at the
/// destination meanwhile is neither written into nor removed. The source goes only when its copy is in place.
fn copy_and_delete(source: &Path, destination: &Path) -> FileResult<()> {
    let folder = destination.parent().unwrap_or(Path::new("/"));
    let copy = folder.join(format!(".daytona-move-{:016x}", RandomState::new().hash_one(())));
    let copied = copy_tree(source, &copy).map_err(FileError::at(destination));
    let placed = copied.and_then(|()| rename(&copy, destination).map_err(FileError::errno(destination)));
    if placed.is_err() {
        let _ = remove(&copy);
    }
    placed?;
    remove(source).map_err(FileError::at(source))
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn copy_tree(source: &Path, destination: &Path) -> io::Result<()> {
    let mut directories = Vec::new();
    for entry in WalkDir::new(source).follow_root_links(false) {
        let entry = entry?;
        let below = entry.path().strip_prefix(source).map_err(io::Error::other)?;
        let target = if entry.depth() == 0 { destination.to_path_buf() } else { destination.join(below) };
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            fs::create_dir(&target)?;
            directories.push((target, metadata));
        } else {
            copy_entry(entry.path(), &target, &metadata)?;
        }
    }
    // Innermost first, and only now: a directory may be one that nothing can be put into.
    directories.iter().rev().try_for_each(|(target, metadata)| keep_attributes(target, metadata))
}

fn copy_entry(source: &Path, target: &Path, metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        symlink(fs::read_link(source)?, target)?;
        return keep_owner(target, metadata);
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        let message = format!("{} is a special file and cannot go to another file system", source.display());
        return Err(io::Error::new(ErrorKind::Unsupported, message));
    }
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    io::copy(&mut File::open(source)?, &mut copy)?;
    keep_attributes(target, metadata)
}

fn keep_attributes(target: &Path, metadata: &Metadata) -> io::Result<()> {
    keep_owner(target, metadata)?;
    if let Ok(modified) = metadata.modified() {
        // As far as permitted: reading is enough to open, and the time is no reason to fail.
        let _ = File::open(target).and_then(|file| file.set_modified(modified));
    }
    fs::set_permissions(target, Permissions::from_mode(metadata.mode() & 0o7777))
}

/// Only root can give files away; for others the copy is their own.
fn keep_owner(target: &Path, metadata: &Metadata) -> io::Result<()> {
    match lchown(target, Some(metadata.uid()), Some(metadata.gid())) {
        Err(error) if error.kind() != ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_over_something() {
        let dir = tempfile::tempdir().expect("temp dir");
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a"), "a").expect("write");
        fs::write(at("b"), "b").expect("write");
        assert!(matches!(relocate(&at("a"), &at("b")), Err(FileError::Exists(_))));
        assert!(matches!(relocate(&at("none"), &at("c")), Err(FileError::NotFound(_))));
        assert!(matches!(relocate(&at("a"), &at("none/c")), Err(FileError::NotFound(_))));
        relocate(&at("a"), &at("c")).expect("moves");
        assert_eq!(fs::read_to_string(at("c")).expect("read"), "a");
        fs::create_dir(at("d")).expect("mkdir");
        assert!(matches!(relocate(&at("d"), &at("d/e")), Err(FileError::Argument(_))));
    }

    #[test]
    fn a_copy_keeps_the_tree() {
        let dir = tempfile::tempdir().expect("temp dir");
        let (source, target) = (dir.path().join("source"), dir.path().join("target"));
        fs::create_dir_all(source.join("sub")).expect("mkdir");
        fs::write(source.join("sub/run"), "#!").expect("write");
        fs::set_permissions(source.join("sub/run"), Permissions::from_mode(0o750)).expect("chmod");
        symlink("sub/run", source.join("link")).expect("link");
        fs::set_permissions(source.join("sub"), Permissions::from_mode(0o500)).expect("chmod");
        copy_and_delete(&source, &target).expect("copies");
        assert!(!source.exists());
        assert_eq!(fs::read_link(target.join("link")).expect("a link"), Path::new("sub/run"));
        assert_eq!(fs::metadata(target.join("sub/run")).expect("stat").mode() & 0o777, 0o750);
        assert_eq!(fs::metadata(target.join("sub")).expect("stat").mode() & 0o777, 0o500);
    }

    #[test]
    fn a_failed_copy_leaves_only_the_source() {
        let dir = tempfile::tempdir().expect("temp dir");
        let (source, target) = (dir.path().join("source"), dir.path().join("target"));
        fs::create_dir(&source).expect("mkdir");
        fs::write(source.join("file"), "x").expect("write");
        nix::unistd::mkfifo(&source.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
        assert!(copy_and_delete(&source, &target).is_err());
        assert!(source.join("file").exists());
        assert_eq!(names_in(dir.path()), ["source"]);
    }

    #[test]
    fn what_appeared_meanwhile_stays() {
        let dir = tempfile::tempdir().expect("temp dir");
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a"), "ours").expect("write");
        fs::write(at("b"), "theirs").expect("write");
        fs::create_dir_all(at("c/sub")).expect("mkdir");
        fs::create_dir(at("d")).expect("mkdir");
        for (source, target) in [("a", "b"), ("c", "b"), ("c", "d"), ("a", "d")] {
            assert!(
                matches!(copy_and_delete(&at(source), &at(target)), Err(FileError::Exists(_))),
                "{source} {target}"
            );
        }
        assert_eq!(names_in(dir.path()), ["a", "b", "c", "d"]);
        assert_eq!(fs::read_to_string(at("b")).expect("read"), "theirs");
        assert!(at("c/sub").exists() && names_in(&at("d")).is_empty());
    }

    #[test]
    fn to_another_file_system() {
        let (here, there) =
            (tempfile::tempdir().expect("temp dir"), tempfile::tempdir_in("/dev/shm").expect("temp dir"));
        fs::create_dir_all(here.path().join("tree/sub")).expect("mkdir");
        fs::write(here.path().join("tree/sub/file"), "content").expect("write");
        relocate(&here.path().join("tree"), &there.path().join("moved")).expect("moves");
        assert!(names_in(here.path()).is_empty());
        assert_eq!(names_in(there.path()), ["moved"]);
        assert_eq!(fs::read_to_string(there.path().join("moved/sub/file")).expect("read"), "content");
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a directory").map(|entry| entry.expect("entry").file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().expect("text")).collect();
        names.sort();
        names
    }
}
