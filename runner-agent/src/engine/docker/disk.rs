//! Whether this Docker holds containers to a size, and what they take of the disk.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig, SystemInfo},
    query_parameters::{CreateContainerOptions, RemoveContainerOptions, RemoveImageOptions},
};
use bytes::Bytes;

use super::super::{EngineError, Result, Space};
use crate::blocking::{self, Raise};

/// One name for all, so that what an agent left that ended in the middle is found.
const PROBE: &str = "paddock-disk-probe";
const PROBE_IMAGE: &str = "paddock-disk-probe:empty";
/// Two blocks of zeros: a tar without files.
const EMPTY_TAR: [u8; 1024] = [0; 1024];
/// Agents that share an engine may get into each other's way.
const ATTEMPTS: u32 = 3;

/// The words that make Docker hold a container to its disk.
pub fn limit(disk_gib: u32) -> HashMap<String, String> {
    HashMap::from([("size".to_owned(), format!("{disk_gib}G"))])
}

/// Asks for a container of limited size, and removes it. Where the storage driver cannot limit one, Docker says so.
pub async fn is_limited(docker: &Docker, info: &SystemInfo) -> Result<bool> {
    if !may_limit(info) {
        return Ok(false);
    }
    for attempt in 1.. {
        let made = try_limit(docker).await;
        clear(docker).await?;
        match made {
            Ok(()) => return Ok(true),
            Err(EngineError::Conflict(_) | EngineError::NotFound(_)) if attempt < ATTEMPTS => {}
            Err(EngineError::Unavailable(reason)) => return Err(EngineError::Unavailable(reason)),
            Err(error) => {
                tracing::info!(%error, "the container engine limits no disk");
                break;
            }
        }
    }
    Ok(false)
}

/// Only drivers of which it is known that they refuse a size they do not enforce. Snapshotters of containerd accept it,
/// and ignore it.
fn may_limit(info: &SystemInfo) -> bool {
    let status = info.driver_status.iter().flatten();
    let value =
        |of: &str| status.clone().find(|pair| pair.first().is_some_and(|name| name == of)).and_then(|it| it.get(1));
    match info.driver.as_deref() {
        _ if value("driver-type").is_some() => false,
        Some("overlay2") => value("Backing Filesystem").is_some_and(|name| name == "xfs"),
        Some("btrfs" | "zfs") => true,
        _ => false,
    }
}

async fn try_limit(docker: &Docker) -> Result<()> {
    super::import(docker, PROBE_IMAGE, Bytes::from_static(&EMPTY_TAR), &["/none"]).await?;
    let options = CreateContainerOptions { name: Some(PROBE.to_owned()), ..CreateContainerOptions::default() };
    let body = ContainerCreateBody {
        image: Some(PROBE_IMAGE.to_owned()),
        host_config: Some(HostConfig { storage_opt: Some(limit(1)), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    docker.create_container(Some(options), body).await?;
    Ok(())
}

async fn clear(docker: &Docker) -> Result<()> {
    let options = RemoveContainerOptions { force: true, v: true, link: false };
    super::gone_is_fine(docker.remove_container(PROBE, Some(options)).await.map_err(EngineError::from))?;
    let removed = docker.remove_image(PROBE_IMAGE, None::<RemoveImageOptions>, None).await;
    super::gone_is_fine(removed.map(drop).map_err(EngineError::from))
}

/// Of the file system that this directory is on.
pub async fn space(data_root: PathBuf) -> Result<Space> {
    let asked = blocking::run(move || {
        let stat = nix::sys::statvfs::statvfs(&data_root)?;
        let unit = stat.fragment_size();
        Ok(Space { size: stat.blocks() * unit, free: stat.blocks_available() * unit })
    });
    asked.await.map_err(unreadable)
}

/// Bytes of all files in it. Dropped, it ends soon.
pub async fn used(dir: &Path) -> Result<u64> {
    let (dir, cancelled) = (dir.to_owned(), Arc::new(AtomicBool::new(false)));
    let _raise = Raise(Arc::clone(&cancelled));
    let walked = blocking::run(move || paddock_layers::usage(&dir, Some(&cancelled)).map_err(io::Error::other));
    walked.await.map_err(unreadable)
}

fn unreadable(error: io::Error) -> EngineError {
    EngineError::Rejected(format!("the engine's disk: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(driver: &str, status: &[[&str; 2]]) -> SystemInfo {
        let status = status.iter().map(|pair| pair.map(str::to_owned).to_vec()).collect();
        SystemInfo { driver: Some(driver.to_owned()), driver_status: Some(status), ..SystemInfo::default() }
    }

    #[test]
    fn only_what_may_limit_a_disk_is_asked() {
        let backing = |name| [["Backing Filesystem", name]];
        assert!(may_limit(&info("overlay2", &backing("xfs"))));
        assert!(may_limit(&info("btrfs", &[])));
        assert!(!may_limit(&info("overlay2", &backing("extfs"))));
        assert!(!may_limit(&info("vfs", &[])));
        assert!(!may_limit(&info("overlayfs", &[["driver-type", "io.containerd.snapshotter.v1"]])));
        assert!(!may_limit(&info("btrfs", &[["driver-type", "io.containerd.snapshotter.v1"]])));
        assert!(!may_limit(&SystemInfo::default()));
    }
}
