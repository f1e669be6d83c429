//! Processes of a container that dockerd does not know of: it was killed between starting them and writing it down.

use std::{fs, path::Path};

use nix::{
    sys::signal::{Signal, kill as send},
    unistd::Pid,
};

/// Digits of a container's id.
const ID: usize = 64;

/// Where containerd keeps what it knows of running containers: dockerd's own one, and the system's.
const BUNDLES: [&str; 2] = [
    "/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby",
    "/run/containerd/io.containerd.runtime.v2.task/moby",
];

/// Kills what runs in the container's control group; how many.
pub fn kill(container: &str) -> usize {
    let inside = processes().filter(|pid| {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        is_in(&groups, container)
    });
    inside.filter(|pid| kill_9(*pid)).count()
}

/// Ends what is left of a container that dockerd has removed: containerd holds on to one that it was told to start and that
/// dockerd, killed at that moment, never heard of. How many processes; with none left, a look at a directory is all.
pub fn end(container: &str) -> usize {
    let is_held = container.len() == ID && BUNDLES.iter().any(|bundles| Path::new(bundles).join(container).exists());
    if !is_held {
        return 0;
    }
    let shims = processes().filter(|pid| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        is_shim_of(&arguments, container)
    });
    // The processes first: without its shim nobody reaps them.
    let shims: Vec<i32> = shims.collect();
    kill(container) + shims.into_iter().filter(|pid| kill_9(*pid)).count()
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn kill_9(pid: i32) -> bool {
    send(Pid::from_raw(pid), Signal::SIGKILL).is_ok()
}

fn is_shim_of(arguments: &[u8], container: &str) -> bool {
    let mut arguments = arguments.split(|byte| *byte == 0);
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(std::str::from_utf8(program).unwrap_or_default()).file_name();
    program.is_some_and(|name| name.to_string_lossy().starts_with("containerd-shim"))
        && arguments.skip_while(|argument| *argument != b"-id").nth(1) == Some(container.as_bytes())
}

/// Ids are 64 digits: one that is shorter would match others.
fn is_in(groups: &str, container: &str) -> bool {
    container.len() == ID && groups.lines().any(|line| line.contains(container))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_containers_own_groups_match() {
        let id = "ac9c1827209f77a57f985a919c2b878773c7eeb08e400e8798deaed2a54af342";
        let cgroup_v1 = format!("12:pids:/docker/{id}\n11:memory:/docker/{id}\n");
        let cgroup_v2 = format!("0::/system.slice/docker-{id}.scope\n");
        assert!(is_in(&cgroup_v1, id) && is_in(&cgroup_v2, id));
        assert!(!is_in("0::/user.slice\n", id));
        assert!(!is_in(&cgroup_v1, "ac9c"));
    }
    #[test]
    fn only_the_containers_own_shim_matches() {
        let id = "ac9c1827209f77a57f985a919c2b878773c7eeb08e400e8798deaed2a54af342";
        let started = |program: &str, id: &str| {
            ["/usr/bin/", program, "\0-namespace\0moby\0-id\0", id, "\0-address\0/run/c.sock\0"].concat().into_bytes()
        };
        assert!(is_shim_of(&started("containerd-shim-runc-v2", id), id));
        assert!(!is_shim_of(&started("containerd-shim-runc-v2", &id[..63]), id));
        assert!(!is_shim_of(&started("something-else", id), id));
        assert!(!is_shim_of(b"", id));
    }
}
