//! A network namespace behind the host that plays the metadata service, private networks, and a public server, and a
//! listener on every address of the host itself.

use std::net::TcpListener;

use anyhow::{Context, Result};
use paddock_tests::sdk;
use tokio::process::{Child, Command};

/// The cloud's metadata service.
pub const METADATA: &str = "169.254.169.254";
/// A machine in each private range, and in the range of carrier NAT.
pub const PRIVATE: [&str; 4] = ["10.254.253.252", "172.30.253.252", "192.168.253.252", "100.100.253.252"];
/// A server that sandboxes may reach: an address of the public internet, for as long as the test runs.
pub const PUBLIC: &str = "25.254.253.252";
/// Where the servers of the namespace listen.
pub const PORT: u16 = 80;

const NAMESPACE: &str = "paddock-test-world";
const LINK: &str = "pdk-test-w0";
const PEER: &str = "pdk-test-w1";

/// Gone when dropped.
pub struct World {
    _server: Child,
    _host: TcpListener,
    /// Port of the listener on all of the host's addresses.
    pub host_port: u16,
}

impl World {
    /// Needs root, as the whole stack does.
    pub async fn make() -> Result<Self> {
        tear_down().await;
        let address_lines = std::iter::once(METADATA).chain(PRIVATE).chain([PUBLIC]);
        let mut script = format!(
            "ip netns add {NAMESPACE} && ip link add {LINK} type veth peer name {PEER} netns {NAMESPACE}
             ip addr add 198.18.253.1/30 dev {LINK} && ip link set {LINK} up
             ip -n {NAMESPACE} link set lo up && ip -n {NAMESPACE} addr add 198.18.253.2/30 dev {PEER}
             ip -n {NAMESPACE} link set {PEER} up && ip -n {NAMESPACE} route add default via 198.18.253.1\n"
        );
        for address in address_lines {
            script += &format!(
                "ip -n {NAMESPACE} addr add {address}/32 dev lo && ip route add {address}/32 dev {LINK} via 198.18.253.2\n"
            );
        }
        sdk::run(Command::new("sh").args(["-ec", &script])).await.context("the test network cannot be made")?;
        let mut server = Command::new("ip");
        server.args([
            "netns",
            "exec",
            NAMESPACE,
            "python3",
            "-m",
            "http.server",
            "--bind",
            "0.0.0.0",
            &PORT.to_string(),
        ]);
        let server = server
            .kill_on_drop(true)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()?;
        // The backlog answers the handshake; nobody needs to accept.
        let host = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"))?;
        let host_port = host.local_addr()?.port();
        Ok(Self { _server: server, _host: host, host_port })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for arguments in [["netns", "del", NAMESPACE], ["link", "del", LINK]] {
            let _ = std::process::Command::new("ip").args(arguments).stderr(std::process::Stdio::null()).status();
        }
    }
}

/// What an interrupted run left.
async fn tear_down() {
    for arguments in [["netns", "del", NAMESPACE], ["link", "del", LINK]] {
        let _ = Command::new("ip").args(arguments).stderr(std::process::Stdio::null()).status().await;
    }
}

/// Every address of the host but loopback, IPv4 and IPv6.
pub async fn host_addresses() -> Result<Vec<String>> {
    let text = sdk::run(Command::new("ip").args(["-o", "addr", "show", "up", "scope", "global"])).await?;
    let address = |line: &str| Some(line.split_whitespace().nth(3)?.split('/').next()?.to_owned());
    Ok(text.lines().filter_map(address).collect())
}
