//! What is known of a file: the same when packed and unpacked.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

use nix::sys::{
    stat::{FileStat, Mode},
    time::TimeSpec,
};

use crate::attributes::Attribute;

/// Bytes that are read or written at once.
pub const CHUNK: usize = 256 * 1024;

/// A file, without what it holds. Paths are relative, without `.` and `..`; the root itself is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: Vec<u8>,
    pub kind: Kind,
    pub meta: Meta,
    /// Sorted by name.
    pub attributes: Vec<Attribute>,
}

/// What a layer can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File {
        /// Bytes, holes included.
        size: u64,
    },
    Symlink(Vec<u8>),
    /// Another name of a file that came before.
    Hardlink(Vec<u8>),
    Fifo,
    /// A character device 0/0: what has this name in the layers below is deleted.
    Whiteout,
}

/// Owner, permissions, time of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// The twelve bits that `chmod` takes.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Time,
}

/// Since 1970; before it the seconds are negative and the nanoseconds still go forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub seconds: i64,
    pub nanos: u32,
}

impl Meta {
    pub fn of(stat: &FileStat) -> Self {
        Self {
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: Time { seconds: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) },
        }
    }

    pub fn permissions(&self) -> Mode {
        Mode::from_bits_truncate(self.mode)
    }

    pub fn time(&self) -> TimeSpec {
        TimeSpec::new(self.mtime.seconds, i64::from(self.mtime.nanos))
    }
}

impl Time {
    /// As PAX has it: a decimal number.
    pub fn to_decimal(self) -> String {
        match (self.seconds, self.nanos) {
            (seconds, 0) => seconds.to_string(),
            (seconds, nanos) if seconds >= 0 => format!("{seconds}.{nanos:09}"),
            // -2 s and 500,000,000 ns forward are -1.5.
            (seconds, nanos) => format!("-{}.{:09}", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanos),
        }
    }

    /// None for what is not a decimal number of this range.
    pub fn from_decimal(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let nanos: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        let seconds: i64 = whole.parse().ok()?;
        if whole.starts_with('-') && nanos > 0 {
            return Some(Self { seconds: seconds.checked_sub(1)?, nanos: 1_000_000_000 - nanos });
        }
        Some(Self { seconds, nanos })
    }
}

/// For messages.
pub fn as_path(path: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(if path.is_empty() { b"." } else { path }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_1970_are_the_same_after_a_round_trip() {
        for (seconds, nanos, text) in [
            (0, 0, "0"),
            (1, 5, "1.000000005"),
            (-2, 500_000_000, "-1.500000000"),
            (-1, 999_999_999, "-0.000000001"),
            (-3, 0, "-3"),
            (i64::MAX, 1, "9223372036854775807.000000001"),
        ] {
            let time = Time { seconds, nanos };
            assert_eq!(time.to_decimal(), text);
            assert_eq!(Time::from_decimal(text), Some(time));
        }
        assert_eq!(Time::from_decimal("1.5"), Some(Time { seconds: 1, nanos: 500_000_000 }));
        for nonsense in ["", ".", "1.x", "1.-5", "0x1", "99999999999999999999"] {
            assert_eq!(Time::from_decimal(nonsense), None, "{nonsense}");
        }
    }
}
