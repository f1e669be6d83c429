//! The host name seen in a sandbox. Docker refuses one together with a joined network namespace, so the agent
//! sets it from outside, in the container's own UTS namespace.

use std::{fs::File, io};

use nix::{sched::CloneFlags, unistd::sethostname};

/// Sets the host name of the namespace that process `pid` is in.
///
/// # Errors
/// When the process is gone, or the agent lacks the right to enter.
pub async fn set_host_name(pid: i32, name: String) -> io::Result<()> {
    // A thread that has entered a namespace must not serve anything else: it does this and ends.
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("uts".to_owned()).spawn(move || {
        let _cancelled = sender.send(enter_and_set(pid, &name));
    })?;
    receiver.await.map_err(io::Error::other)?
}

fn enter_and_set(pid: i32, name: &str) -> io::Result<()> {
    let namespace = File::open(format!("/proc/{pid}/ns/uts"))?;
    let ours = std::fs::read_link("/proc/self/ns/uts")?;
    // A container without a namespace of its own would rename the machine.
    if std::fs::read_link(format!("/proc/{pid}/ns/uts"))? == ours {
        return Err(io::Error::other("the container shares the host's UTS namespace"));
    }
    nix::sched::setns(&namespace, CloneFlags::CLONE_NEWUTS)?;
    sethostname(name)?;
    Ok(())
}
