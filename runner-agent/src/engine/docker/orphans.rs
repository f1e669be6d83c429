//! Processes of a container that dockerd does not know of: it was killed between starting them and writing it down.

use std::fs;

use nix::{
    sys::signal::{Signal, kill as send},
    unistd::Pid,
};

/// Kills what runs in the container's control group; how many.
pub fn kill(container: &str) -> usize {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let inside = pids.filter(|pid| {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        is_in(&groups, container)
    });
    inside.filter(|pid| send(Pid::from_raw(*pid), Signal::SIGKILL).is_ok()).count()
}

/// Ids are 64 digits: one that is shorter would match others.
fn is_in(groups: &str, container: &str) -> bool {
    container.len() == 64 && groups.lines().any(|line| line.contains(container))
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
}
