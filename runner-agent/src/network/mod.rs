//! The runner's own network: a bridge whose sandboxes reach the internet and nothing else.
//!
//! * [`addresses`] which address is free, with the rest of 60 s before it is given again
//! * [`slots`] pause containers made in advance: an address with its network namespace, firewall in force
//! * [`firewall`] the nftables rules of the bridge
//! * [`dns`] the only resolver that sandboxes reach
//! * [`uts`] the host name seen in a sandbox
//!
//! Names, for who cleans up: network `paddock-<short>`, bridge interface `pdk-<short>`, nftables tables
//! `inet paddock_<short>` and `bridge paddock_<short>`, where `<short>` is the first 8 digits of the runner id.

use std::{net::Ipv4Addr, sync::Arc};

use ipnet::Ipv4Net;
use uuid::Uuid;

use self::{dns::Resolver, firewall::Firewall};
use crate::engine::{Engine, EngineError, Network, NetworkSpec};

pub mod addresses;
pub mod dns;
pub mod firewall;
pub mod slots;
pub mod uts;

/// Where subnets are looked for when the operator names none: 64 of 1,022 addresses (a bridge takes 1,023 ports).
const RANGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 213, 0, 0), 16);
const PREFIX: u8 = 22;
/// Of a Linux bridge, one for each pause container.
const BRIDGE_PORTS: u32 = 1023;
/// One address of so many is left over for those that rest, and one port for stock.
const RESERVE: u32 = 32;

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The engine cannot make one.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The rules are not in force: no sandbox may start.
    #[error("firewall: {0}")]
    Firewall(String),
    /// Every subnet overlaps with something.
    #[error("no free subnet in {RANGE}; set PADDOCK_SUBNET")]
    NoSubnet,
    /// The resolver's door.
    #[error("cannot listen on {address}:53 for the DNS queries of sandboxes: {source}")]
    Dns {
        /// The host's address on the bridge.
        address: Ipv4Addr,
        /// Why.
        source: std::io::Error,
    },
}

/// The part of the runner id in names: interface names have at most 15 bytes.
#[must_use]
pub fn short(runner: Uuid) -> String {
    runner.simple().to_string()[..8].to_owned()
}

/// How many sandboxes the network takes, when the operator wants this subnet or none in particular.
#[must_use]
pub fn room(wanted: Option<Ipv4Net>) -> u32 {
    let prefix = wanted.map_or(PREFIX, |subnet| subnet.prefix_len());
    let size = 2_u32.checked_pow(32 - u32::from(prefix)).unwrap_or(u32::MAX);
    // Network, gateway and broadcast are nobody's.
    let addresses = size.saturating_sub(3).min(BRIDGE_PORTS);
    addresses - addresses / RESERVE
}

/// A network with its rules in force.
pub struct Guarded {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub network: Network,
    /// Its rules; none when there is no real network.
    pub firewall: Option<Arc<Firewall>>,
    /// Its resolver, to be served; none when there is no real network.
    pub resolver: Option<Resolver>,
}

/// Makes (or finds) network, rules and resolver. Sandboxes may start when this has returned.
///
/// # Errors
/// When any of the three is not in force.
pub async fn set_up(
    engine: &Arc<dyn Engine>,
    deployment: &str,
    runner: Uuid,
    wanted: Option<Ipv4Net>,
) -> Result<Guarded, NetworkError> {
    let (NetworkSpec { name, .. }, network) = ensure(engine, deployment, runner, wanted).await?;
    let mut guarded = Guarded { name, firewall: None, resolver: None, network };
    let Network { subnet, gateway, bridge } = &guarded.network;
    if let Some(bridge) = bridge {
        let firewall = Firewall::new(runner, bridge, *gateway, *subnet);
        firewall.apply().await?;
        guarded.resolver = Some(Resolver::bind(*gateway, *subnet).await?);
        guarded.firewall = Some(Arc::new(firewall));
    }
    tracing::info!(name = guarded.name, subnet = %guarded.network.subnet, "network is ready");
    Ok(guarded)
}

/// The network alone, without rules.
///
/// # Errors
/// When the engine cannot make one, or no subnet is free.
pub async fn ensure(
    engine: &Arc<dyn Engine>,
    deployment: &str,
    runner: Uuid,
    wanted: Option<Ipv4Net>,
) -> Result<(NetworkSpec, Network), NetworkError> {
    let short = short(runner);
    let candidates = match wanted {
        Some(subnet) => vec![subnet],
        None => free_subnets(runner),
    };
    for subnet in candidates {
        let spec = NetworkSpec {
            deployment: deployment.to_owned(),
            runner: runner.to_string(),
            name: format!("paddock-{short}"),
            bridge: format!("pdk-{short}"),
            subnet,
        };
        match engine.ensure_network(&spec).await {
            Ok(network) => return Ok((spec, network)),
            Err(EngineError::Conflict(reason)) => tracing::info!(%subnet, reason, "subnet is taken"),
            Err(error) => return Err(error.into()),
        }
    }
    Err(NetworkError::NoSubnet)
}

/// Candidates, from a place that depends on the runner so that two of one machine rarely meet.
fn free_subnets(runner: Uuid) -> Vec<Ipv4Net> {
    let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    let routes = parse_routes(&routes);
    let mut subnets: Vec<_> = RANGE.subnets(PREFIX).into_iter().flatten().collect();
    let start = usize::from(runner.as_bytes()[15]) % subnets.len();
    subnets.rotate_left(start);
    subnets.retain(|subnet| !routes.iter().any(|route| overlap(*subnet, *route)));
    subnets
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Routes but the default one, which contains everything.
fn parse_routes(text: &str) -> Vec<Ipv4Net> {
    let little_endian = |hex: &str| u32::from_str_radix(hex, 16).ok().map(|bits| Ipv4Addr::from(bits.swap_bytes()));
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let address = little_endian(fields.get(1)?)?;
            let mask = little_endian(fields.get(7)?)?;
            Ipv4Net::with_netmask(address, mask).ok()
        })
        .filter(|route| route.prefix_len() > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_the_kernel_writes_them() {
        let text = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                    eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(parse_routes(text), vec!["192.0.2.0/24".parse().unwrap()]);
    }

    #[test]
    fn a_network_takes_as_many_as_it_has_addresses_and_ports_for() {
        let of = |subnet: &str| room(Some(subnet.parse().unwrap()));
        assert_eq!(of("10.0.0.0/29"), 5);
        assert_eq!(of("10.0.0.0/24"), 253 - 7);
        assert_eq!(room(None), of("10.0.0.0/22"));
        assert_eq!(room(None), 1021 - 31);
        assert_eq!(of("0.0.0.0/0"), 1023 - 31);
        assert_eq!(of("10.0.0.0/32"), 0);
    }

    #[test]
    fn overlap_is_seen_from_both_sides() {
        let small: Ipv4Net = "10.213.4.0/22".parse().unwrap();
        assert!(overlap(small, "10.0.0.0/8".parse().unwrap()));
        assert!(overlap("10.0.0.0/8".parse().unwrap(), small));
        assert!(!overlap(small, "10.213.8.0/22".parse().unwrap()));
    }
}
