//! The server process, and what it is given: the listener, the file that keeps the environment, and, once, the
//! container's own command.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::Pid;

/// What outlives a server process, and the process.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    environment: OwnedFd,
    /// For the first server only: what the command has begun is not begun again.
    entrypoint: Vec<OsString>,
    pid: Option<Pid>,
}

impl Server {
    /// Binds the port on all addresses: the runner reaches the sandbox over its network.
    pub fn bind(port: u16, entrypoint: Vec<OsString>) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).with_context(|| format!("binding port {port}"))?;
        let environment =
            memfd_create(c"paddock-environment", MFdFlags::MFD_CLOEXEC).context("keeping the environment")?;
        Ok(Self { listener, environment, entrypoint, pid: None })
    }

    /// Starts this same program as the server, its stdin being the listener and its stdout the environment's
    /// file. (Standard descriptors are the ones a child can be given without unsafe code.)
    pub fn start(&mut self) -> Result<()> {
        let listener = OwnedFd::from(self.listener.try_clone()?);
        let child = Command::new("/proc/self/exe")
            .args(["serve", "--inherited"])
            .args(&self.entrypoint)
            .stdin(Stdio::from(listener))
            .stdout(Stdio::from(self.environment.try_clone()?))
            .spawn()?;
        self.entrypoint.clear();
        // The handle is dropped without waiting: init reaps by waitpid(-1), this child included.
        self.pid = Some(Pid::from_raw(child.id().cast_signed()));
        Ok(())
    }

    /// The running server, if it runs.
    pub fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// It was reaped.
    pub fn ended(&mut self) {
        self.pid = None;
    }
}
