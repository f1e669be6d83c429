//! Ports: is one taken, by whom, and which are free.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use anyhow::{Result, bail};

use super::options::StackOptions;

/// Refuses to start with a port that somebody else has, naming both.
pub fn check(options: &StackOptions) -> Result<()> {
    let mut wanted =
        vec![(options.api_port, "the API", "--api-port"), (options.aws_port, "the AWS endpoint", "--aws-port")];
    for index in 0..options.runners {
        wanted.push((options.edge_port.saturating_add(index), "the edge", "--edge-port"));
        wanted.push((options.relay_port.saturating_add(index), "the relay between agents", "--relay-port"));
    }
    for (index, (port, what, flag)) in wanted.iter().enumerate() {
        if let Some((_, other, _)) = wanted[..index].iter().find(|(before, ..)| before == port) {
            bail!("port {port} is wanted twice, for {other} and for {what}; choose another with {flag}");
        }
    }
    let taken: Vec<String> = wanted
        .iter()
        .filter(|(port, ..)| is_taken(*port))
        .map(|(port, what, flag)| {
            let owner = owner(*port).map(|text| format!(" by {text}")).unwrap_or_default();
            format!("port {port} for {what} is taken{owner}; choose another with {flag}")
        })
        .collect();
    if taken.is_empty() { Ok(()) } else { bail!("{}", taken.join("\n")) }
}

/// The first of `count` free ports in a row. Below the range from which the kernel takes ports for outgoing
/// connections, so that none is lost between now and their use.
pub fn free_block(count: u16) -> Result<u16> {
    let places = 500;
    let start = u16::try_from(std::process::id() % u32::from(places))?;
    let bases = (0..places).map(|step| 20_000 + (start + step) % places * 20);
    for base in bases {
        if (base..base + count).all(|port| !is_taken(port)) {
            return Ok(base);
        }
    }
    bail!("there are no {count} free ports in a row between 20000 and 30000")
}

/// On either address of `localhost`: half of the clients would meet whoever has the other one.
fn is_taken(port: u16) -> bool {
    let taken = |address: IpAddr| {
        TcpListener::bind((address, port)).is_err_and(|error| error.kind() != ErrorKind::AddrNotAvailable)
    };
    taken(Ipv4Addr::LOCALHOST.into()) || taken(Ipv6Addr::LOCALHOST.into())
}

/// `process name (pid N)` of the listener, as /proc tells it.
fn owner(port: u16) -> Option<String> {
    let inode = listening_inode(port)?;
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find_map(|pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        let has = files.filter_map(|file| fs::read_link(file.path()).ok()).any(|link| link.to_string_lossy() == wanted);
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        has.then(|| format!("{} (pid {pid})", name.trim()))
    })
}

fn listening_inode(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().skip(1)).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let local = fields.get(1)?.rsplit(':').next()?;
        // 0A: LISTEN
        let listens = *fields.get(3)? == "0A" && u16::from_str_radix(local, 16).ok()? == port;
        listens.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::wait_until;

    /// A program that another test starts holds copies of all our sockets, that of the last look at this port too, until
    /// it is executed.
    fn bind(port: u16) -> TcpListener {
        let mut bound = None;
        wait_until("nobody holds the port", Duration::from_secs(60), || {
            bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
            Ok(bound.is_some())
        })
        .expect("bind");
        bound.expect("bound")
    }

    #[test]
    fn names_the_process_that_has_a_port() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let port = listener.local_addr().expect("address").port();
        assert!(is_taken(port));
        let owner = owner(port).expect("an owner");
        assert!(owner.contains(&format!("(pid {})", std::process::id())), "{owner}");
    }

    #[test]
    fn a_block_is_free() {
        let base = free_block(9).expect("ports");
        let listeners: Vec<_> = (base..base + 9).map(bind).collect();
        assert!(!(base..base + 9).contains(&free_block(9).expect("ports")), "the taken block was given again");
        drop(listeners);
    }
}
