//! What a sandbox is charged, in which state. The store moves charges by transaction; here is only the amount.

use std::ops::Add;

use crate::{
    lifecycle::{Desired, State},
    sandbox::Resources,
};

/// What is taken from an organization's quota in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Charge {
    /// Whole CPUs.
    pub cpu: u32,
    /// GiB.
    pub memory_gib: u32,
    /// GiB.
    pub disk_gib: u32,
}

impl Add for Charge {
    type Output = Charge;

    fn add(self, other: Charge) -> Charge {
        Charge {
            cpu: self.cpu + other.cpu,
            memory_gib: self.memory_gib + other.memory_gib,
            disk_gib: self.disk_gib + other.disk_gib,
        }
    }
}

/// What a sandbox of these resources is charged in this state (design §4): everything while it may run, disk while
/// only its files are on a runner, nothing once archived, failed or destroyed. A sandbox on its way to a cheaper state
/// keeps the dearer charge until the report that ends the use. A change that ends where it began costs what that costs.
pub fn charge(resources: Resources, state: State, desired: Desired) -> Charge {
    let Resources { cpu, memory_gib, disk_gib } = resources;
    match state {
        State::Resizing | State::Snapshotting if desired == Desired::Stopped => {
            Charge { cpu: 0, memory_gib: 0, disk_gib }
        }
        State::Creating
        | State::Restoring
        | State::Destroying
        | State::Started
        | State::Starting
        | State::Stopping
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Pausing
        | State::Paused
        | State::Resuming => Charge { cpu, memory_gib, disk_gib },
        State::Stopped | State::Archiving => Charge { cpu: 0, memory_gib: 0, disk_gib },
        State::Archived | State::Error | State::BuildFailed | State::Destroyed => Charge::default(),
    }
}

/// What a sandbox that holds `held` is charged after entering `state` by a wish: a deletion keeps what it held.
pub fn charge_after(held: Charge, resources: Resources, state: State, desired: Desired) -> Charge {
    if state == State::Destroying { held } else { charge(resources, state, desired) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: Resources = Resources { cpu: 2, memory_gib: 4, disk_gib: 10 };

    #[test]
    fn a_stopped_sandbox_pays_for_disk_only() {
        assert_eq!(charge(R, State::Stopped, Desired::Stopped), Charge { cpu: 0, memory_gib: 0, disk_gib: 10 });
    }

    #[test]
    fn ended_states_pay_nothing() {
        for state in [State::Archived, State::Error, State::BuildFailed, State::Destroyed] {
            assert_eq!(charge(R, state, Desired::Started), Charge::default());
        }
    }

    #[test]
    fn deleting_a_stopped_sandbox_charges_nothing_anew() {
        let held = charge(R, State::Stopped, Desired::Stopped);
        assert_eq!(charge_after(held, R, State::Destroying, Desired::Destroyed), held);
    }
}
