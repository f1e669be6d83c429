//! The nftables rules of the runner's bridge: in force before the first sandbox, replaced in one transaction.
//!
//! Base chains run before Docker's own (priority 0): an accept here lets Docker's chains decide, a drop is final.

use std::{
    net::Ipv4Addr,
    process::Stdio,
    sync::{Mutex, Once, PoisonError},
};

use ipnet::Ipv4Net;
use tokio::{io::AsyncWriteExt, process::Command};
use uuid::Uuid;

use super::{NetworkError, short};

/// Reached from no sandbox. Addresses of the host itself end in the input chain, whatever they are.
const FORBIDDEN: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, \
                         192.168.0.0/16, 224.0.0.0/4, 240.0.0.0/4";

/// The rules of one bridge.
#[derive(Debug)]
pub struct Firewall {
    table: String,
    bridge: String,
    gateway: Ipv4Addr,
    subnet: Ipv4Net,
    /// What the kernel said right after the rules were put in force; none while they are not.
    in_force: Mutex<Option<Listed>>,
}

/// The rules as `nft` lists them: what another tool changes shows in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    routed: String,
    neighbours: Neighbours,
}

/// What keeps sandboxes of one bridge apart.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Neighbours {
    /// A table of the bridge family.
    Table(String),
    /// The kernel has no such tables; br_netfilter sends frames through the routed rules.
    Netfilter,
}

impl Firewall {
    /// For the bridge of this runner.
    #[must_use]
    pub fn new(runner: Uuid, bridge: &str, gateway: Ipv4Addr, subnet: Ipv4Net) -> Self {
        Self {
            table: format!("paddock_{}", short(runner)),
            bridge: bridge.to_owned(),
            gateway,
            subnet,
            in_force: Mutex::default(),
        }
    }

    /// Puts the rules in force, replacing older ones.
    ///
    /// # Errors
    /// When the kernel or `nft` refuses, or neighbours could reach each other.
    pub async fn apply(&self) -> Result<(), NetworkError> {
        nft(&self.routed_rules()).await?;
        if let Err(error) = nft(&self.bridged_rules()).await {
            // Without bridge tables, frames between neighbours pass our routed rules only if br_netfilter sends them
            // there.
            if !br_netfilter().await {
                return Err(error);
            }
            tracing::warn!(%error, "no bridge tables; br_netfilter keeps neighbours apart");
        }
        let listed = self.list().await;
        let listed = listed.ok_or_else(|| NetworkError::Firewall("the rules are not there once applied".to_owned()))?;
        self.note(Some(listed));
        Ok(())
    }

    /// Looks whether the rules are still those that were applied, as another tool may have changed them, and puts them
    /// back if not.
    ///
    /// # Errors
    /// When they are not in force and cannot be.
    pub async fn uphold(&self) -> Result<(), NetworkError> {
        let applied = self.in_force.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if applied.is_some() && self.list().await == applied {
            return Ok(());
        }
        self.note(None);
        tracing::error!("the firewall rules are not those that were applied; putting them back");
        self.apply().await
    }

    /// As far as is known, the rules are in force: sandboxes may start.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn note(&self, listed: Option<Listed>) {
        *self.in_force.lock().unwrap_or_else(PoisonError::into_inner) = listed;
    }

    /// What is in force now; none when something is missing.
    async fn list(&self) -> Option<Listed> {
        let routed = list_table("inet", &self.table).await?;
        let neighbours = match list_table("bridge", &self.table).await {
            Some(table) => Neighbours::Table(table),
            None => br_netfilter().await.then_some(Neighbours::Netfilter)?,
        };
        Some(Listed { routed, neighbours })
    }

    fn routed_rules(&self) -> String {
        let Self { table, bridge, gateway, .. } = self;
        format!(
            "table inet {table}\n\
             delete table inet {table}\n\
             table inet {table} {{\n\
               set forbidden {{ type ipv4_addr; flags interval; elements = {{ {FORBIDDEN} }} }}\n\
               chain input {{\n\
                 type filter hook input priority -10; policy accept;\n\
                 iifname != \"{bridge}\" accept\n\
                 meta nfproto ipv6 drop\n\
                 ct state established,related accept\n\
                 ip daddr {gateway} udp dport 53 accept\n\
                 ip daddr {gateway} tcp dport 53 accept\n\
                 drop\n\
               }}\n\
               chain forward {{\n\
                 type filter hook forward priority -10; policy accept;\n\
                 iifname \"{bridge}\" jump from_sandbox\n\
                 oifname \"{bridge}\" jump to_sandbox\n\
               }}\n\
               chain from_sandbox {{\n\
                 meta nfproto ipv6 drop\n\
                 oifname \"{bridge}\" drop\n\
                 ip daddr @forbidden drop\n\
               }}\n\
               chain to_sandbox {{\n\
                 ct state established,related accept\n\
                 drop\n\
               }}\n\
             }}\n"
        )
    }

    fn bridged_rules(&self) -> String {
        let Self { table, subnet, .. } = self;
        // By address, not by bridge: many kernels cannot match a bridge's name here, and without NET_RAW a sandbox
        // cannot send from an address that is not its own.
        format!(
            "table bridge {table}\n\
             delete table bridge {table}\n\
             table bridge {table} {{\n\
               chain forward {{\n\
                 type filter hook forward priority -10; policy accept;\n\
                 ip saddr {subnet} drop\n\
                 arp saddr ip {subnet} drop\n\
               }}\n\
             }}\n"
        )
    }
}

/// Ends the connections of an address that changes hands, where the tool for it is installed; otherwise the rest
/// of the address has to do.
pub async fn forget_connections(address: Ipv4Addr) {
    static ABSENT: Once = Once::new();
    for direction in ["--orig-src", "--orig-dst"] {
        let ended = Command::new("conntrack")
            .args(["-D", direction, &address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        // It fails too when there was nothing to end.
        if let Err(error) = ended {
            ABSENT.call_once(|| {
                tracing::warn!(%error, "cannot run conntrack: connections outlive the sandboxes that had their address");
            });
        }
    }
}

async fn br_netfilter() -> bool {
    let switch = tokio::fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables").await;
    switch.is_ok_and(|text| text.trim() == "1")
}

async fn list_table(family: &str, table: &str) -> Option<String> {
    let listed = Command::new("nft").args(["list", "table", family, table]).stdin(Stdio::null()).output().await.ok()?;
    listed.status.success().then(|| String::from_utf8_lossy(&listed.stdout).into_owned())
}

async fn nft(rules: &str) -> Result<(), NetworkError> {
    let failed = |reason: String| NetworkError::Firewall(reason);
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot run nft: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(rules.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    }
    let output = child.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(format!("nft: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_ranges_and_the_metadata_address_are_forbidden() {
        let ranges: Vec<ipnet::Ipv4Net> = FORBIDDEN.split(", ").map(|range| range.parse().unwrap()).collect();
        for address in ["10.1.2.3", "172.17.0.1", "172.31.0.2", "192.168.1.1", "100.64.0.1", "169.254.169.254"] {
            let address: Ipv4Addr = address.parse().unwrap();
            assert!(ranges.iter().any(|range| range.contains(&address)), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1"] {
            let address: Ipv4Addr = address.parse().unwrap();
            assert!(!ranges.iter().any(|range| range.contains(&address)), "{address}");
        }
    }
}
