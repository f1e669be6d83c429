//! Our containers and networks in Docker's words. Every limit and right of a sandbox stands here.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig,
    Ipam, IpamConfig, Mount as DockerMount, MountType, NetworkCreateRequest, NetworkingConfig, ResourcesUlimits,
};

use super::super::{ContainerSpec, DAEMON_PATH, Kind, Limits, Mount, NetworkSpec, SandboxSpec, labels};

const GIB: i64 = 1 << 30;
/// Enough for builds and browsers; a fork bomb ends here.
const PIDS_LIMIT: i64 = 4096;
const OPEN_FILES: i64 = 1 << 18;
/// Of Docker's default set: device nodes, forged packets and the audit log are nobody's business in a sandbox.
const DROPPED_CAPABILITIES: [&str; 3] = ["MKNOD", "NET_RAW", "AUDIT_WRITE"];
/// The daemon stays when its sandbox runs out of memory and says so; it gives its children the ordinary score.
const OOM_SCORE: i64 = -900;

/// A network of our own: Docker gives bridge, addresses and masquerading, our firewall the rest.
pub fn network(spec: &NetworkSpec) -> NetworkCreateRequest {
    let options = [
        ("com.docker.network.bridge.name", spec.bridge.as_str()),
        // Docker's own words for "no neighbours"; our bridge table says it again where br_netfilter is off.
        ("com.docker.network.bridge.enable_icc", "false"),
        ("com.docker.network.bridge.enable_ip_masquerade", "true"),
    ];
    let gateway = spec.subnet.hosts().next().map(|address| address.to_string());
    NetworkCreateRequest {
        name: spec.name.clone(),
        driver: Some("bridge".to_owned()),
        enable_ipv6: Some(false),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig { subnet: Some(spec.subnet.to_string()), gateway, ..IpamConfig::default() }]),
            ..Ipam::default()
        }),
        options: Some(options.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        labels: Some(HashMap::from([
            (labels::DEPLOYMENT.to_owned(), spec.deployment.clone()),
            (labels::RUNNER.to_owned(), spec.runner.clone()),
        ])),
        ..NetworkCreateRequest::default()
    }
}

/// The body of a create request.
pub fn container(spec: &ContainerSpec) -> ContainerCreateBody {
    let body = match &spec.kind {
        Kind::Pause { network, address } => pause(network, &address.to_string()),
        Kind::Still => still(),
        Kind::Sandbox(sandbox) => self::sandbox(sandbox),
    };
    ContainerCreateBody { image: Some(spec.image.clone()), labels: Some(spec.labels.to_map()), ..body }
}

fn pause(network: &str, address: &str) -> ContainerCreateBody {
    let endpoint = EndpointSettings {
        ipam_config: Some(EndpointIpamConfig { ipv4_address: Some(address.to_owned()), ..Default::default() }),
        ..EndpointSettings::default()
    };
    ContainerCreateBody {
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(true),
            memory: Some(16 << 20),
            memory_swap: Some(16 << 20),
            pids_limit: Some(16),
            log_config: Some(no_log()),
            ipc_mode: Some("none".to_owned()),
            sysctls: Some(no_ipv6(std::path::Path::new("/proc/sys/net/ipv6").exists())),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// There need not be any program in the image: this one is never started.
fn still() -> ContainerCreateBody {
    ContainerCreateBody {
        entrypoint: Some(vec![DAEMON_PATH.to_owned()]),
        host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    }
}

/// Off, not filtered; a kernel without it has nothing to switch off.
fn no_ipv6(kernel_has_it: bool) -> HashMap<String, String> {
    let names = if kernel_has_it { &["all", "default"][..] } else { &[] };
    names.iter().map(|name| (format!("net.ipv6.conf.{name}.disable_ipv6"), "1".to_owned())).collect()
}

/// Memory without swap, CPU as a hard share.
fn limits(limits: Limits) -> (i64, i64) {
    (i64::from(limits.memory_gib) * GIB, i64::from(limits.cpu) * 1_000_000_000)
}

/// The body of an update: the same limits as at creation.
pub fn update(to: Limits) -> ContainerUpdateBody {
    let (memory, nano_cpus) = limits(to);
    ContainerUpdateBody {
        memory: Some(memory),
        memory_swap: Some(memory),
        nano_cpus: Some(nano_cpus),
        ..ContainerUpdateBody::default()
    }
}

fn sandbox(spec: &SandboxSpec) -> ContainerCreateBody {
    let (memory, nano_cpus) = limits(Limits { cpu: spec.cpu, memory_gib: spec.memory_gib });
    let raise = may_raise_limits();
    ContainerCreateBody {
        entrypoint: Some(vec![DAEMON_PATH.to_owned()]),
        cmd: Some(Vec::new()),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        // Docker's health checks are `docker exec` on a timer.
        healthcheck: Some(bollard::models::HealthConfig { test: Some(vec!["NONE".to_owned()]), ..Default::default() }),
        stop_signal: Some("SIGTERM".to_owned()),
        host_config: Some(HostConfig {
            network_mode: Some(format!("container:{}", spec.pause)),
            nano_cpus: Some(nano_cpus),
            memory: Some(memory),
            memory_swap: Some(memory),
            pids_limit: Some(PIDS_LIMIT),
            ulimits: raise.then(|| vec![open_files()]),
            oom_score_adj: raise.then_some(OOM_SCORE),
            cap_drop: Some(DROPPED_CAPABILITIES.map(str::to_owned).to_vec()),
            privileged: Some(false),
            log_config: Some(no_log()),
            mounts: Some(spec.mounts.iter().map(mount).collect()),
            ipc_mode: Some("private".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// CAP_SYS_RESOURCE, which small virtual machines withhold even from root. Without it runc fails on a negative score and
/// on any raised limit. The engine runs on this host with the same rights as we have.
pub fn may_raise_limits() -> bool {
    const CAP_SYS_RESOURCE: u64 = 1 << 24;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .is_some_and(|set| set & CAP_SYS_RESOURCE != 0)
}

fn open_files() -> ResourcesUlimits {
    ResourcesUlimits { name: Some("nofile".to_owned()), soft: Some(OPEN_FILES), hard: Some(OPEN_FILES) }
}

/// Tenants can flood PID 1's output; the daemon keeps a bounded log itself.
fn no_log() -> HostConfigLogConfig {
    HostConfigLogConfig { typ: Some("none".to_owned()), config: None }
}

fn mount(mount: &Mount) -> DockerMount {
    DockerMount {
        typ: Some(MountType::BIND),
        source: Some(mount.source.to_string_lossy().into_owned()),
        target: Some(mount.target.clone()),
        read_only: Some(true),
        ..DockerMount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> SandboxSpec {
        SandboxSpec {
            pause: "p".to_owned(),
            env: [("A".to_owned(), "b=c".to_owned())].into(),
            mounts: vec![],
            cpu: 2,
            memory_gib: 3,
        }
    }

    #[test]
    fn a_sandbox_is_limited_and_never_privileged() {
        let host = sandbox(&spec()).host_config.unwrap();
        assert_eq!(host.privileged, Some(false));
        assert_eq!(host.cap_add, None);
        assert_eq!(host.security_opt, None, "the engine's default seccomp profile stays");
        assert_eq!(host.memory, Some(3 << 30));
        assert_eq!(host.memory_swap, host.memory);
        assert_eq!(host.nano_cpus, Some(2_000_000_000));
        assert!(host.pids_limit.is_some_and(|limit| limit > 0));
        assert!(host.cap_drop.unwrap().contains(&"NET_RAW".to_owned()));
        assert_eq!(host.network_mode.as_deref(), Some("container:p"));
    }

    #[test]
    fn nothing_of_the_host_can_be_written_from_inside() {
        let seen = Mount { source: "/host/hosts".into(), target: "/etc/hosts".to_owned() };
        let spec = SandboxSpec { mounts: vec![seen], ..spec() };
        let mounts = sandbox(&spec).host_config.unwrap().mounts.unwrap();
        assert!(!mounts.is_empty() && mounts.iter().all(|mount| mount.read_only == Some(true)));
    }

    #[test]
    fn the_image_keeps_its_user_and_directory() {
        let body = sandbox(&spec());
        assert_eq!((body.user, body.working_dir), (None, None));
        assert_eq!(body.env, Some(vec!["A=b=c".to_owned()]));
    }
}
