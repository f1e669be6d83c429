//! A pseudo terminal and the shell on it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::libc;
use nix::pty::{Winsize, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::unistd::setsid;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};

use super::Size;
use super::terminal::Plan;
use crate::process::{shell, spawn};

/// Of one read; what comes in small parts is collected up to that.
const CHUNK: usize = 32 * 1024;
const ARGUMENTS: [&str; 2] = ["-i", "-l"];

/// Our end of the pseudo terminal.
#[derive(Debug)]
pub struct Device(AsyncFd<File>);

impl Device {
    /// With a login shell that has it as its terminal. The error is for a reader.
    pub fn start(plan: &Plan, size: Size) -> Result<(Self, Child), String> {
        let shell = shell::choose(&plan.environment);
        let start = || -> io::Result<_> {
            let (ours, theirs) = open()?;
            let device = Self::register(ours)?;
            device.resize(size)?;
            let mut command = spawn::command(&shell, &plan.directory, &plan.environment);
            command.args(ARGUMENTS).stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(theirs);
            take_terminal(&mut command);
            Ok((device, command.spawn()?))
        };
        start().map_err(|error| spawn::failure(&shell, &plan.directory, &error))
    }

    #[expect(unsafe_code, reason = "a descriptor is registered by its number")]
    fn register(ours: File) -> io::Result<Self> {
        // SAFETY: a file keeps its descriptor, and nothing takes the file out before the registration ends.
        Ok(Self(unsafe { AsyncFd::register(ours) }?))
    }

    /// Tells the programs too.
    #[expect(unsafe_code, reason = "no safe call sets the size of a terminal")]
    pub fn resize(&self, size: Size) -> io::Result<()> {
        let size = Winsize { ws_col: size.cols, ws_row: size.rows, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the descriptor is open, and the structure is the one that the request reads.
        let done = unsafe { libc::ioctl(self.0.get_ref().as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// What the programs print. An error is the end: nobody has the terminal open any more. Nothing is lost when the wait is
    /// given up.
    pub async fn read(&self) -> io::Result<Vec<u8>> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let mut ready = self.0.readable().await?;
            let mut length = 0;
            let last = loop {
                match ready.try_io(|device| device.get_ref().read(&mut chunk[length..])) {
                    Ok(Ok(0)) => break Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(Ok(read)) if length + read < CHUNK => length += read,
                    Ok(Ok(read)) => {
                        length += read;
                        break Ok(());
                    }
                    Ok(Err(error)) => break Err(error),
                    Err(_would_block) => break Ok(()),
                }
            };
            if length > 0 {
                chunk.truncate(length);
                return Ok(chunk);
            }
            last?;
        }
    }

    /// Types. Waits while the programs read nothing and the terminal takes no more.
    pub async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.0.writable().await?;
            if let Ok(written) = ready.try_io(|device| device.get_ref().write(bytes)) {
                bytes = &bytes[written?..];
            }
        }
        Ok(())
    }
}

/// Both ends. No child that is started at the same time inherits one, or the terminal would outlive its shell.
fn open() -> io::Result<(File, OwnedFd)> {
    let ours = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(ptsname_r(&ours)?)?;
    Ok((OwnedFd::from(ours).into(), theirs.into()))
}

#[expect(unsafe_code, reason = "only the child itself can take a terminal before any of its code runs")]
fn take_terminal(command: &mut Command) {
    let take = || {
        setsid()?;
        // SAFETY: the request reads nothing; stdin is the terminal by now.
        if unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) } == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: the function makes system calls only; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(take) };
}
