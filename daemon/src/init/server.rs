//! The server process and the listener it is given.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use nix::unistd::Pid;

/// The listener, and the process that serves it.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    pid: Option<Pid>,
}

impl Server {
    /// Binds the port on all addresses: the runner reaches the sandbox over its network.
    pub fn bind(port: u16) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).with_context(|| format!("binding port {port}"))?;
        Ok(Self { listener, pid: None })
    }

    /// Starts this same program as the server, its stdin being the listener. (Standard descriptors are
    /// the ones a child can be given without unsafe code.)
    pub fn start(&mut self) -> Result<()> {
        let listener = OwnedFd::from(self.listener.try_clone()?);
        let child = Command::new("/proc/self/exe")
            .args(["serve", "--listener", "stdin"])
            .stdin(Stdio::from(listener))
            .spawn()?;
        // The handle is dropped without waiting: init reaps by waitpid(-1), this child included.
        self.pid = Some(Pid::from_raw(child.id().cast_signed()));
        Ok(())
    }

    /// The running server.
    pub fn pid(&self) -> Pid {
        self.pid.expect("started before anything asks")
    }
}
