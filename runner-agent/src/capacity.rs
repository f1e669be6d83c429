//! How much a machine can hold, by asking it.

use std::path::Path;

use paddock_wire::agents::Capacity;

use crate::engine::Host;

const GIB: u64 = 1 << 30;
/// For the kernel, the engine, this agent and the page cache they need.
const MEMORY_KEPT: u64 = GIB;
/// Disk is not enforced everywhere; a fifth stays free so that one sandbox cannot stop all.
const DISK_SHARE: u64 = 80;

/// Of this machine, whose network takes so many `sandboxes`: CPUs oversold by the operator's factor, memory never.
#[must_use]
pub fn measure(host: &Host, cpu_overcommit: u32, sandboxes: u32) -> Capacity {
    let disk = disk_size(&host.data_root).unwrap_or(0) / 100 * DISK_SHARE;
    Capacity {
        cpu: host.cpus.saturating_mul(cpu_overcommit),
        memory_gib: gib(host.memory.saturating_sub(MEMORY_KEPT)),
        disk_gib: gib(disk),
        sandboxes,
    }
}

fn disk_size(path: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    Some(stat.blocks() * stat.fragment_size())
}

fn gib(bytes: u64) -> u32 {
    u32::try_from(bytes / GIB).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_not_oversold() {
        let host = Host { cpus: 2, memory: 24 * GIB - 1, data_root: "/".into(), capabilities: vec![] };
        let capacity = measure(&host, 16, 990);
        assert_eq!((capacity.cpu, capacity.memory_gib, capacity.sandboxes), (32, 22, 990));
        assert!(capacity.disk_gib > 0);
    }
}
