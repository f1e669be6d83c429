//! CPU, memory and disk of this container, measured when asked: an idle sandbox does no work for it.
//!
//! * [`cgroup`] the kernel's accounts, both generations of them

mod cgroup;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use paddock_wire::toolbox::info::SystemMetrics;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::cgroup::Cgroup;

/// Questions in quick succession share a window: an average over microseconds says nothing.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);

/// Answers `/system/metrics`.
#[derive(Debug)]
pub struct Metrics {
    cgroup: Cgroup,
    disk: PathBuf,
    window: Mutex<Window>,
}

/// CPU time at the start of the running window, and the average of the one before.
#[derive(Debug)]
struct Window {
    started: Instant,
    cpu: Option<Duration>,
    percent: f64,
}

impl Metrics {
    /// Opens the first CPU window.
    pub fn start(disk: PathBuf) -> Self {
        let cgroup = Cgroup::find();
        let window = Mutex::new(Window { started: Instant::now(), cpu: cgroup.cpu_time(), percent: 0.0 });
        Self { cgroup, disk, window }
    }

    /// CPU is the average since the question before.
    pub fn now(&self) -> SystemMetrics {
        let now = OffsetDateTime::now_utc();
        let cpus = self.cgroup.cpu_limit();
        let memory = self.cgroup.memory();
        let disk = statvfs(&self.disk).ok();
        let blocks = |count: Option<u64>| Some(count? * disk?.fragment_size());
        let (total, free) = (blocks(disk.map(|d| d.blocks())), blocks(disk.map(|d| d.blocks_free())));
        SystemMetrics {
            cpu_count: cpus.map(|cpus| cpus.ceil() as u64),
            cpu_used_pct: cpus.map(|cpus| self.cpu_percent(cpus)),
            mem_total: memory.limit,
            mem_used: memory.used,
            mem_cache: memory.cache,
            disk_total: total,
            disk_used: total.zip(free).map(|(total, free)| total.saturating_sub(free)),
            disk_free: blocks(disk.map(|d| d.blocks_available())),
            timestamp: now.format(&Rfc3339).ok(),
            timestamp_unix: Some(now.unix_timestamp()),
        }
    }

    fn cpu_percent(&self, cpus: f64) -> f64 {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let length = window.started.elapsed();
        if length >= SHORTEST_WINDOW {
            let cpu = self.cgroup.cpu_time();
            if let (Some(before), Some(now)) = (window.cpu, cpu) {
                let used = now.saturating_sub(before).as_secs_f64();
                window.percent = (used / length.as_secs_f64() / cpus * 100.0).clamp(0.0, 100.0);
            }
            (window.started, window.cpu) = (Instant::now(), cpu);
        }
        window.percent
    }
}
