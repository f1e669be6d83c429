//! What the wire says about a file.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use paddock_wire::toolbox::files::FileInfo;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::error::{FileError, FileResult};

/// The seconds of the years 1 to 9999: what RFC 3339 and HTTP can write, and what clients can read.
const EARLIEST: i64 = -62_135_596_800;
const LATEST: i64 = 253_402_300_799;

/// Follows links.
pub fn info(path: &Path) -> FileResult<FileInfo> {
    let metadata = fs::metadata(path).map_err(FileError::at(path))?;
    Ok(describe(path, &metadata))
}

/// From what is known.
pub fn describe(path: &Path, metadata: &Metadata) -> FileInfo {
    let modified = modified(metadata);
    FileInfo {
        name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        path: Some(path.to_string_lossy().into_owned()),
        size: metadata.len(),
        mode: mode_text(metadata),
        mod_time: go_time(modified),
        modified_at: modified.format(&Rfc3339).unwrap_or_default(),
        is_dir: metadata.is_dir(),
        owner: metadata.uid().to_string(),
        group: metadata.gid().to_string(),
        permissions: format!("{:04o}", metadata.mode() & 0o7777),
    }
}

/// When its content was changed. Anybody can set any number of seconds, and some file systems keep it: a time
/// that cannot be written is shown as the nearest one that can.
pub fn modified(metadata: &Metadata) -> OffsetDateTime {
    let seconds = i128::from(metadata.mtime().clamp(EARLIEST, LATEST));
    let time = OffsetDateTime::from_unix_timestamp_nanos(seconds * 1_000_000_000 + i128::from(metadata.mtime_nsec()));
    time.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// As `ls` writes it.
fn mode_text(metadata: &Metadata) -> String {
    let kind = metadata.file_type();
    let letter = match () {
        () if kind.is_dir() => 'd',
        () if kind.is_symlink() => 'l',
        () if kind.is_fifo() => 'p',
        () if kind.is_socket() => 's',
        () if kind.is_block_device() => 'b',
        () if kind.is_char_device() => 'c',
        () => '-',
    };
    let mode = metadata.mode();
    let mut text = String::from(letter);
    for (shift, special, mark) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => mark,
            (true, false) => mark.to_ascii_uppercase(),
        });
    }
    text
}

/// The layout of Go's `time.String()`, which old clients read; its fraction has no zeros at the end.
fn go_time(time: OffsetDateTime) -> String {
    let seconds = time.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"));
    let fraction = format!(".{:09}", time.nanosecond());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{}{fraction} +0000 UTC", seconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_as_go_writes_them() {
        assert_eq!(go_time(datetime!(2025-01-02 03:04:05.678 UTC)), "2025-01-02 03:04:05.678 +0000 UTC");
        assert_eq!(go_time(datetime!(2025-01-02 03:04:05 UTC)), "2025-01-02 03:04:05 +0000 UTC");
        assert_eq!(go_time(datetime!(2025-01-02 03:04:05.000000010 UTC)), "2025-01-02 03:04:05.00000001 +0000 UTC");
    }

    #[test]
    fn times_that_cannot_be_written() {
        // In memory: other file systems keep no such time.
        let file = tempfile::NamedTempFile::new_in("/dev/shm").expect("temp file");
        let age = Duration::from_secs(300_000_000_000);
        for (time, modified_at, mod_time) in [
            (SystemTime::UNIX_EPOCH + age, "9999-12-31T23:59:59Z", "9999-12-31 23:59:59 +0000 UTC"),
            (SystemTime::UNIX_EPOCH - age, "0001-01-01T00:00:00Z", "0001-01-01 00:00:00 +0000 UTC"),
        ] {
            file.as_file().set_modified(time).expect("any time");
            let info = info(file.path()).expect("stat");
            assert_eq!((info.modified_at.as_str(), info.mod_time.as_str()), (modified_at, mod_time));
        }
    }

    #[test]
    fn modes_as_ls_writes_them() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("file");
        fs::write(&path, "12345").expect("write");
        for (mode, text, octal) in
            [(0o644, "-rw-r--r--", "0644"), (0o4755, "-rwsr-xr-x", "4755"), (0o2640, "-rw-r-S---", "2640")]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            let info = info(&path).expect("stat");
            assert_eq!((info.mode.as_str(), info.permissions.as_str(), info.size), (text, octal, 5));
        }
        assert!(info(dir.path()).expect("stat").mode.starts_with("drwx"));
        assert_eq!(info(Path::new("/tmp")).expect("stat").mode, "drwxrwxrwt");
        assert_eq!(info(Path::new("/")).expect("stat").name, "/");
    }
}
