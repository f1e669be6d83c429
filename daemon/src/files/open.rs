//! Opening and creating regular files. Callers name any path; what lies there may be a FIFO that nobody
//! writes or a device without end, and opening those must neither block nor stream forever.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::change::create_folder;
use super::error::{FileError, FileResult};

const PARENT_MODE: u32 = 0o755;

/// For reading; a directory or anything special is refused.
pub fn read(path: &Path) -> FileResult<(File, Metadata)> {
    check(path, OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()))
}

/// For writing, from the start; missing parents are made.
pub fn create(path: &Path) -> FileResult<File> {
    if let Some(parent) = path.parent() {
        create_folder(parent, PARENT_MODE)?;
    }
    // Truncated only when it is known to be a regular file.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).custom_flags(OFlag::O_NONBLOCK.bits());
    let (file, _) = check(path, &mut options)?;
    file.set_len(0).map_err(FileError::at(path))?;
    Ok(file)
}

fn check(path: &Path, options: &mut OpenOptions) -> FileResult<(File, Metadata)> {
    let file = options.open(path).map_err(FileError::at(path))?;
    let metadata = file.metadata().map_err(FileError::at(path))?;
    if metadata.is_dir() {
        return Err(FileError::Directory(path.to_path_buf()));
    }
    if !metadata.is_file() {
        return Err(FileError::NotRegular(path.to_path_buf()));
    }
    Ok((file, metadata))
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn special_files_are_refused_without_blocking() {
        let dir = tempfile::tempdir().expect("temp dir");
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).expect("mkfifo");
        assert!(matches!(read(&fifo), Err(FileError::NotRegular(_))));
        assert!(create(&fifo).is_err());
        assert!(matches!(read(Path::new("/dev/zero")), Err(FileError::NotRegular(_))));
        assert!(matches!(create(Path::new("/dev/null")), Err(FileError::NotRegular(_))));
        assert!(matches!(read(dir.path()), Err(FileError::Directory(_))));
        assert!(matches!(create(dir.path()), Err(FileError::Directory(_))));
    }
}
