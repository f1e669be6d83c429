//! What root in a sandbox can do to the machine: nothing.

use anyhow::{Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::toolbox::Toolbox;
use paddock_tests::turn;

/// Capability numbers that no process of a sandbox may ever gain.
const FORBIDDEN: [(&str, u32); 9] = [
    ("NET_ADMIN", 12),
    ("NET_RAW", 13),
    ("SYS_MODULE", 16),
    ("SYS_RAWIO", 17),
    ("SYS_PTRACE", 19),
    ("SYS_ADMIN", 21),
    ("SYS_BOOT", 22),
    ("MKNOD", 27),
    ("AUDIT_WRITE", 29),
];

/// Commands that must fail, even with sudo.
const REFUSED: [&str; 9] = [
    "mknod /tmp/disk b 8 0",
    "mount -t tmpfs none /mnt",
    "unshare -m true",
    "dmesg",
    "sh -c 'echo 1 > /proc/sys/kernel/panic'",
    "sh -c 'echo b > /proc/sysrq-trigger'",
    "sh -c 'echo x >> /usr/local/bin/daytona'",
    "rm -f /usr/local/bin/daytona",
    "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'",
];

#[tokio::test]
async fn root_in_a_sandbox_has_no_power_over_the_machine() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let id = api.create(labelled("powers")).await?;
    let toolbox = Toolbox::of(&id);

    // Of the first process and of a shell made root: the bounding set is the most anyone can get.
    for status in ["/proc/1/status", "/proc/self/status"] {
        let text = toolbox.sh(&format!("sudo cat {status}")).await?;
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        let bounding = u64::from_str_radix(&field("CapBnd:"), 16)?;
        for (name, number) in FORBIDDEN {
            ensure!(bounding & (1 << number) == 0, "{status}: CAP_{name} can be had");
        }
        ensure!(field("Seccomp:") == "2", "{status}: no seccomp filter");
    }
    for command in REFUSED {
        let ran = toolbox.exec(&format!("sudo {command}")).await?;
        ensure!(ran.code != 0, "sudo {command} works: {}", ran.output);
    }

    // The proof that sudo itself works, without which the refusals would mean nothing.
    ensure!(toolbox.sh("sudo id -u").await? == "0", "sudo does not work");
    let sockets = toolbox.sh("sudo find / -xdev -name 'docker*.sock' -o -xdev -name 'containerd*.sock'").await?;
    ensure!(sockets.is_empty(), "engine sockets: {sockets}");
    let mounts = toolbox.sh("cut -d' ' -f2 /proc/self/mounts").await?;
    let foreign: Vec<&str> = mounts.lines().filter(|mount| !expected_mount(mount)).collect();
    ensure!(foreign.is_empty(), "mounts from the host: {foreign:?}");
    limits(&toolbox).await?;
    api.delete(&id).await
}

fn expected_mount(mount: &str) -> bool {
    let files = ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/usr/local/bin/daytona", "/run/paddock"];
    mount == "/" || files.contains(&mount) || ["/proc", "/sys", "/dev"].iter().any(|tree| mount.starts_with(tree))
}

/// Memory as promised, and a bound on processes.
async fn limits(toolbox: &Toolbox) -> Result<()> {
    let read = |v2: &str, v1: &str| format!("cat /sys/fs/cgroup/{v2} 2>/dev/null || cat /sys/fs/cgroup/{v1}");
    let memory: u64 = toolbox.sh(&read("memory.max", "memory/memory.limit_in_bytes")).await?.parse()?;
    ensure!(memory == 1 << 30, "the memory limit is {memory}, not 1 GiB");
    let processes = toolbox.sh(&read("pids.max", "pids/pids.max")).await?;
    ensure!(processes.parse::<u32>().is_ok_and(|limit| limit <= 10_000), "no bound on processes: {processes}");
    Ok(())
}
