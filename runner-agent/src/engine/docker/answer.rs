//! Docker's answers in our words.

use std::{collections::HashMap, net::SocketAddr, path::PathBuf};

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum, EventMessage, ImageInspect, NetworkInspect,
    SystemInfo, SystemInfoCgroupVersionEnum,
};

use super::super::{Container, DAEMON_PORT, Died, Host, Image, Network, labels::Labels};

pub fn host(info: SystemInfo) -> Host {
    let mut capabilities = Vec::new();
    if info.cgroup_version == Some(SystemInfoCgroupVersionEnum::_2) {
        capabilities.push("cgroup_v2".to_owned());
    }
    if info.live_restore_enabled == Some(true) {
        capabilities.push("live_restore".to_owned());
    }
    if info.security_options.iter().flatten().any(|option| option.contains("name=userns")) {
        capabilities.push("userns".to_owned());
    }
    // Where containerd keeps the files the driver has another name.
    if info.driver.as_deref() == Some("overlay2") {
        capabilities.push("upper_dir".to_owned());
    }
    capabilities.extend(info.driver.map(|driver| format!("storage_{driver}")));
    Host {
        cpus: info.ncpu.and_then(|cpus| cpus.try_into().ok()).unwrap_or(1),
        memory: info.mem_total.and_then(|bytes| bytes.try_into().ok()).unwrap_or(0),
        data_root: PathBuf::from(info.docker_root_dir.unwrap_or_else(|| "/var/lib/docker".to_owned())),
        capabilities,
    }
}

pub fn image(image: ImageInspect) -> Image {
    let id = image.id.unwrap_or_default();
    let working_dir = image.config.and_then(|config| config.working_dir).filter(|dir| !dir.is_empty());
    Image { id, working_dir }
}

/// None when it is not a bridge with a name and an IPv4 subnet, that is, not one we made.
pub fn network(network: &NetworkInspect) -> Option<Network> {
    let config = network.ipam.as_ref()?.config.as_ref()?.first()?;
    Some(Network {
        subnet: config.subnet.as_ref()?.parse().ok()?,
        gateway: config.gateway.as_ref()?.parse().ok()?,
        bridge: Some(network.options.as_ref()?.get("com.docker.network.bridge.name")?.clone()),
    })
}

/// None when it is not ours.
pub fn inspected(container: ContainerInspectResponse) -> Option<Container> {
    let labels = Labels::from_map(&container.config?.labels?)?;
    let state = container.state?;
    let running = state.running == Some(true);
    Some(Container {
        paused: state.paused == Some(true),
        image: container.image.unwrap_or_default(),
        id: container.id?,
        name: container.name?.trim_start_matches('/').to_owned(),
        running,
        pid: state.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| running && *pid > 0),
        daemon: daemon(&labels, running),
        labels,
        exit_code: state.exit_code.filter(|_| !running),
        out_of_memory: state.oom_killed == Some(true),
    })
}

/// None when it is not ours.
pub fn listed(container: ContainerSummary) -> Option<Container> {
    let labels = Labels::from_map(&container.labels?)?;
    let paused = container.state == Some(ContainerSummaryStateEnum::PAUSED);
    let running = paused || container.state == Some(ContainerSummaryStateEnum::RUNNING);
    Some(Container {
        paused,
        image: String::new(),
        id: container.id?,
        name: container.names?.first()?.trim_start_matches('/').to_owned(),
        running,
        pid: None,
        daemon: daemon(&labels, running),
        labels,
        exit_code: None,
        out_of_memory: false,
    })
}

/// Where overlayfs keeps what the container changed.
pub fn upper_dir(container: ContainerInspectResponse) -> Option<PathBuf> {
    let driver = container.graph_driver?;
    let is_overlay = driver.name == "overlay2";
    let dir = driver.data.get("UpperDir").filter(|_| is_overlay)?;
    Some(PathBuf::from(dir))
}

/// Labels come as attributes of the event, among others.
pub fn died(event: EventMessage) -> Option<Died> {
    let actor = event.actor?;
    let attributes: HashMap<String, String> = actor.attributes?;
    Some(Died {
        id: actor.id?,
        exit_code: attributes.get("exitCode").and_then(|code| code.parse().ok()),
        labels: Labels::from_map(&attributes)?,
    })
}

fn daemon(labels: &Labels, running: bool) -> Option<SocketAddr> {
    (running && labels.sandbox().is_some()).then(|| SocketAddr::from((labels.address, DAEMON_PORT)))
}
