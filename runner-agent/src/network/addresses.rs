//! Which address is free. An address rests before it is given again, so that what still talks to its last
//! holder does not talk to the next one.

use std::{
    collections::{BTreeSet, VecDeque},
    net::Ipv4Addr,
    time::Duration,
};

use ipnet::Ipv4Net;
use tokio::time::Instant;

/// How long an address is nobody's.
pub const REST: Duration = Duration::from_secs(60);

/// Addresses of one subnet.
#[derive(Debug)]
pub struct Addresses {
    subnet: Ipv4Net,
    gateway: Ipv4Addr,
    used: BTreeSet<Ipv4Addr>,
    resting: VecDeque<(Instant, Ipv4Addr)>,
    last: Ipv4Addr,
}

impl Addresses {
    /// All of the subnet's but the host's own.
    #[must_use]
    pub fn new(subnet: Ipv4Net, gateway: Ipv4Addr) -> Self {
        Self { subnet, gateway, used: BTreeSet::new(), resting: VecDeque::new(), last: subnet.network() }
    }

    /// A free address, in turn round the subnet; none when all are used or rest.
    pub fn take(&mut self, now: Instant) -> Option<Ipv4Addr> {
        while self.resting.front().is_some_and(|(since, _)| now.duration_since(*since) >= REST) {
            self.resting.pop_front();
        }
        let start = u32::from(self.last) - u32::from(self.subnet.network());
        let size = u32::from(self.subnet.broadcast()) - u32::from(self.subnet.network());
        let mut in_turn = (1..=size).map(|step| u32::from(self.subnet.network()) + (start + step) % size);
        let free = in_turn.find(|bits| self.is_free(Ipv4Addr::from(*bits))).map(Ipv4Addr::from)?;
        self.used.insert(free);
        self.last = free;
        Some(free)
    }

    /// This address is in use: found on a container at start.
    pub fn claim(&mut self, address: Ipv4Addr) {
        self.used.insert(address);
        // After a restart nobody knows which addresses rest; those above the highest in use were left alone longest.
        self.last = self.last.max(address).min(self.subnet.broadcast());
    }

    /// Nobody's from now on.
    pub fn release(&mut self, address: Ipv4Addr, now: Instant) {
        if self.used.remove(&address) {
            self.resting.push_back((now, address));
        }
    }

    fn is_free(&self, address: Ipv4Addr) -> bool {
        address != self.subnet.network()
            && address != self.gateway
            && !self.used.contains(&address)
            && !self.resting.iter().any(|(_, resting)| *resting == address)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small() -> Addresses {
        Addresses::new("10.0.0.0/29".parse().unwrap(), Ipv4Addr::new(10, 0, 0, 1))
    }

    #[test]
    fn an_address_rests_before_it_is_given_again() {
        let mut addresses = small();
        let now = Instant::now();
        let all: Vec<_> = std::iter::from_fn(|| addresses.take(now)).collect();
        assert_eq!(all.len(), 5, "8 less network, gateway and broadcast");
        addresses.release(all[2], now);
        assert_eq!(addresses.take(now + REST - Duration::from_millis(1)), None);
        assert_eq!(addresses.take(now + REST), Some(all[2]));
    }

    #[test]
    fn claimed_addresses_are_not_given() {
        let mut addresses = small();
        addresses.claim(Ipv4Addr::new(10, 0, 0, 6));
        let all: Vec<_> = std::iter::from_fn(|| addresses.take(Instant::now())).collect();
        assert_eq!(all.len(), 4);
    }

    proptest! {
        #[test]
        fn no_two_hold_one_address(takes in prop::collection::vec(any::<(bool, u8)>(), 1..80)) {
            let mut addresses = small();
            let mut held = Vec::new();
            let mut now = Instant::now();
            for (take, index) in takes {
                now += Duration::from_secs(u64::from(index) % 40);
                if take {
                    if let Some(address) = addresses.take(now) {
                        prop_assert!(!held.contains(&address));
                        prop_assert_ne!(address, Ipv4Addr::new(10, 0, 0, 1));
                        held.push(address);
                    }
                } else if !held.is_empty() {
                    let address = held.swap_remove(usize::from(index) % held.len());
                    addresses.release(address, now);
                }
            }
        }
    }
}
