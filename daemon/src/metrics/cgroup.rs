//! The kernel's accounts of this container. Docker shows a container its own control group at
//! `/sys/fs/cgroup`, in one hierarchy (v2) or one per resource (v1).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the accounts are.
#[derive(Debug)]
pub enum Cgroup {
    V1 { cpu: PathBuf, cpuacct: PathBuf, memory: PathBuf },
    V2(PathBuf),
}

/// Bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub limit: Option<u64>,
    pub used: Option<u64>,
    pub cache: Option<u64>,
}

impl Cgroup {
    /// By the layout under `/sys/fs/cgroup`.
    pub fn find() -> Self {
        Self::under(Path::new("/sys/fs/cgroup"))
    }

    fn under(root: &Path) -> Self {
        if root.join("cgroup.controllers").exists() {
            return Self::V2(root.to_path_buf());
        }
        Self::V1 { cpu: root.join("cpu"), cpuacct: root.join("cpuacct"), memory: root.join("memory") }
    }

    /// CPUs this container may use at once.
    pub fn cpu_limit(&self) -> Option<f64> {
        let quota = match self {
            Self::V1 { cpu, .. } => quota(read(cpu, "cpu.cfs_quota_us"), read(cpu, "cpu.cfs_period_us")),
            Self::V2(root) => {
                let text = read(root, "cpu.max").unwrap_or_default();
                let mut words = text.split_whitespace().map(str::to_owned);
                quota(words.next(), words.next())
            }
        };
        quota.or_else(|| std::thread::available_parallelism().ok().map(|count| count.get() as f64))
    }

    /// CPU time used so far.
    pub fn cpu_time(&self) -> Option<Duration> {
        match self {
            Self::V1 { cpuacct, .. } => number(cpuacct, "cpuacct.usage").map(Duration::from_nanos),
            Self::V2(root) => keyed(&read(root, "cpu.stat")?, "usage_usec").map(Duration::from_micros),
        }
    }

    /// Use is without page cache; a missing limit means the machine's memory.
    pub fn memory(&self) -> Memory {
        let (limit, used, cache) = match self {
            Self::V1 { memory, .. } => {
                let stat = read(memory, "memory.stat").unwrap_or_default();
                (
                    number(memory, "memory.limit_in_bytes"),
                    number(memory, "memory.usage_in_bytes"),
                    keyed(&stat, "total_cache"),
                )
            }
            Self::V2(root) => {
                let stat = read(root, "memory.stat").unwrap_or_default();
                (number(root, "memory.max"), number(root, "memory.current"), keyed(&stat, "file"))
            }
        };
        let machine = machine_memory();
        Memory {
            limit: match (limit, machine) {
                (Some(limit), Some(machine)) => Some(limit.min(machine)),
                (limit, machine) => limit.or(machine),
            },
            used: used.map(|used| used.saturating_sub(cache.unwrap_or(0))),
            cache,
        }
    }
}

fn machine_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    keyed(&text, "MemTotal:").map(|kibibytes| kibibytes * 1024)
}

/// A quota of `max` or -1 is none.
fn quota(quota: Option<String>, period: Option<String>) -> Option<f64> {
    let (quota, period): (u64, u64) = (quota?.trim().parse().ok()?, period?.trim().parse().ok()?);
    (period > 0).then(|| quota as f64 / period as f64)
}

fn keyed(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().map(|line| line.split_whitespace());
    lines.find_map(|mut words| (words.next() == Some(key)).then(|| words.next()?.parse().ok()).flatten())
}

fn number(dir: &Path, name: &str) -> Option<u64> {
    read(dir, name)?.trim().parse().ok()
}

fn read(dir: &Path, name: &str) -> Option<String> {
    fs::read_to_string(dir.join(name)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temp dir");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("has one")).expect("mkdir");
            fs::write(path, text).expect("write");
        }
        root
    }

    #[test]
    fn one_hierarchy() {
        let root = tree(&[
            ("cgroup.controllers", "cpu memory"),
            ("cpu.max", "150000 100000\n"),
            ("cpu.stat", "usage_usec 2500000\nuser_usec 1\n"),
            ("memory.max", "1048576\n"),
            ("memory.current", "700000\n"),
            ("memory.stat", "anon 1\nfile 200000\n"),
        ]);
        let cgroup = Cgroup::under(root.path());
        assert_eq!(cgroup.cpu_limit(), Some(1.5));
        assert_eq!(cgroup.cpu_time(), Some(Duration::from_millis(2500)));
        assert_eq!(cgroup.memory(), Memory { limit: Some(1_048_576), used: Some(500_000), cache: Some(200_000) });
    }

    #[test]
    fn one_hierarchy_per_resource_without_limits() {
        let root = tree(&[
            ("cpu/cpu.cfs_quota_us", "-1\n"),
            ("cpu/cpu.cfs_period_us", "100000\n"),
            ("cpuacct/cpuacct.usage", "1000000000\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/memory.usage_in_bytes", "5000\n"),
            ("memory/memory.stat", "cache 1\ntotal_cache 2000\n"),
        ]);
        let cgroup = Cgroup::under(root.path());
        assert!(cgroup.cpu_limit() >= Some(1.0));
        assert_eq!(cgroup.cpu_time(), Some(Duration::from_secs(1)));
        let memory = cgroup.memory();
        assert_eq!((memory.used, memory.cache), (Some(3000), Some(2000)));
        assert_eq!(memory.limit, machine_memory());
    }
}
