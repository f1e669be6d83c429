//! A log that cannot fill the disk: one file of bounded size and a few older ones beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::fcntl::OFlag;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogConfig;

/// The log; lines go nowhere when its file cannot be opened.
pub struct LogFile {
    state: Mutex<State>,
}

struct State {
    config: LogConfig,
    file: Option<File>,
    bytes: u64,
}

impl LogFile {
    /// Opens or continues the log. Never fails: without a log the daemon still has to work.
    pub fn open(config: LogConfig) -> Self {
        let file = open(&config, false).ok();
        let bytes = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len());
        Self { state: Mutex::new(State { config, file, bytes }) }
    }

    /// One line outside of tracing, for init.
    pub fn line(&self, text: &str) {
        let now = time::OffsetDateTime::now_utc();
        let _ = writeln!(self.make_writer(), "{now} init: {text}");
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> LogWriter<'a> {
        LogWriter { state: self.state.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

/// The log, locked for one line.
pub struct LogWriter<'a> {
    state: MutexGuard<'a, State>,
}

impl Write for LogWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let state = &mut *self.state;
        if state.bytes + line.len() as u64 > state.config.max_bytes {
            state.rotate();
        }
        if let Some(file) = &mut state.file {
            // A full disk must not turn into an error of the request that logs.
            let _ = file.write_all(line);
            state.bytes += line.len() as u64;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    /// Shifts `log.1` to `log.2` and so on, starts the log anew.
    fn rotate(&mut self) {
        let name = |age: u64| match age {
            0 => self.config.path.clone(),
            age => PathBuf::from(format!("{}.{age}", self.config.path.display())),
        };
        for age in (0..self.config.backups).rev() {
            let _ = fs::rename(name(age), name(age + 1));
        }
        self.file = open(&self.config, true).ok();
        self.bytes = 0;
    }
}

/// The file lies where tenants write: no links are followed, and a FIFO put there cannot block.
fn open(config: &LogConfig, anew: bool) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file =
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags.bits()).open(&config.path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("the log's path is not a regular file"));
    }
    if anew {
        file.set_len(0)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_bounds() {
        let dir = tempfile::tempdir().expect("temp dir");
        let config = LogConfig { path: dir.path().join("log"), max_bytes: 100, backups: 2 };
        let log = LogFile::open(config);
        for number in 0..50 {
            writeln!(log.make_writer(), "line {number} of some length").expect("never fails");
        }
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).expect("list").map(|e| e.expect("entry").file_name()).collect();
        names.sort();
        assert_eq!(names, ["log", "log.1", "log.2"]);
        for name in names {
            assert!(fs::metadata(dir.path().join(name)).expect("stat").len() <= 100);
        }
        assert!(fs::read_to_string(dir.path().join("log")).expect("read").contains("line 49"));
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let target = dir.path().join("victim");
        fs::write(&target, "precious").expect("write");
        std::os::unix::fs::symlink(&target, dir.path().join("log")).expect("link");
        let log = LogFile::open(LogConfig { path: dir.path().join("log"), max_bytes: 100, backups: 0 });
        writeln!(log.make_writer(), "hello").expect("never fails");
        assert_eq!(fs::read_to_string(&target).expect("read"), "precious");
    }
}
