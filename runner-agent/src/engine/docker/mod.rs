//! Docker by its API. `docker exec` is on no path (50 ms each), nothing is privileged.
//!
//! * [`spec`] our containers and networks in Docker's words
//! * [`answer`] Docker's answers in our words; [`failure`] its errors
//! * [`disk`] whether a container's disk can be limited, and what it takes
//! * [`orphans`] processes that a killed dockerd forgot

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bollard::{
    Docker, body_full,
    query_parameters::{
        CreateContainerOptions, CreateImageOptions, EventsOptions, InspectContainerOptions, InspectNetworkOptions,
        ListContainersOptions, RemoveContainerOptions, RenameContainerOptions, StopContainerOptions,
    },
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use super::{
    Container, ContainerSpec, Died, Engine, EngineError, Host, Image, Limits, Network, NetworkSpec, Result, Space,
    labels,
};

mod answer;
mod disk;
mod failure;
mod orphans;
mod spec;

/// Docker answers most calls in milliseconds; a start on a busy machine takes seconds, removal of a big sandbox more.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// A pull of which nothing more has come for so long is dead: Docker itself waits for ever.
const PULL_STALLED: Duration = Duration::from_secs(300);

/// How dockerd says that containerd runs what it thinks does not run.
const ORPHANED: &str = ": already exists";

/// The Docker engine of this machine.
pub struct DockerEngine {
    docker: Docker,
    data_root: PathBuf,
    limits_disk: bool,
}

impl DockerEngine {
    /// Connects, at the newest API version that both sides know.
    ///
    /// # Errors
    /// When the address is not understood or nothing answers there.
    pub async fn connect(docker_host: &str) -> Result<Self> {
        let docker = Docker::connect_with_host(docker_host)?.with_timeout(CALL_TIMEOUT).negotiate_version().await?;
        let info = docker.info().await?;
        let limits_disk = disk::is_limited(&docker, &info).await?;
        Ok(Self { docker, data_root: answer::host(info).data_root, limits_disk })
    }

    async fn is_paused(&self, id: &str) -> Result<bool> {
        let found = found(self.docker.inspect_container(id, None::<InspectContainerOptions>).await)?;
        Ok(found.and_then(|found| found.state).is_some_and(|state| state.paused == Some(true)))
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn probe(&self) -> Result<Host> {
        let mut host = answer::host(self.docker.info().await?);
        if spec::may_raise_limits() {
            host.capabilities.push("raised_limits".to_owned());
        }
        if self.limits_disk {
            host.capabilities.push("disk_quota".to_owned());
        }
        Ok(host)
    }

    fn limits_disk(&self) -> bool {
        self.limits_disk
    }

    async fn space(&self) -> Result<Space> {
        disk::space(self.data_root.clone()).await
    }

    async fn disk_use(&self, id: &str) -> Result<u64> {
        if let Some(dir) = self.upper_dir(id).await? {
            return disk::used(&dir).await;
        }
        // The storage driver's own account; vfs compares whole trees for it.
        let found = self.docker.inspect_container(id, Some(InspectContainerOptions { size: true })).await?;
        let size = found.size_rw.and_then(|bytes| u64::try_from(bytes).ok());
        size.ok_or_else(|| EngineError::Rejected("the engine does not say what its files take".to_owned()))
    }

    async fn images(&self) -> Result<Vec<String>> {
        let images = self.docker.list_images(None::<bollard::query_parameters::ListImagesOptions>).await?;
        Ok(images.into_iter().flat_map(|image| image.repo_tags).filter(|tag| tag != "<none>:<none>").collect())
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        found(self.docker.inspect_image(reference).await.map(answer::image))
    }

    async fn pull(&self, reference: &str) -> Result<()> {
        // Docker takes a missing tag for "all tags"; a digest already names one image.
        let tagged = reference.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
        let options = CreateImageOptions {
            from_image: Some(reference.to_owned()),
            tag: (!tagged).then(|| "latest".to_owned()),
            ..CreateImageOptions::default()
        };
        let mut progress = std::pin::pin!(self.docker.create_image(Some(options), None, None));
        loop {
            match tokio::time::timeout(PULL_STALLED, progress.try_next()).await {
                Ok(Ok(Some(_step))) => (),
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(_elapsed) => {
                    let minutes = PULL_STALLED.as_secs() / 60;
                    return Err(EngineError::Rejected(format!("nothing came from its registry for {minutes} minutes")));
                }
            }
        }
    }

    async fn import(&self, reference: &str, layer: Bytes, entrypoint: &[&str]) -> Result<()> {
        import(&self.docker, reference, layer, entrypoint).await
    }

    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<Network> {
        let found = found(self.docker.inspect_network(&spec.name, None::<InspectNetworkOptions>).await)?;
        let network = match found {
            Some(network) => network,
            None => {
                self.docker.create_network(spec::network(spec)).await?;
                self.docker.inspect_network(&spec.name, None::<InspectNetworkOptions>).await?
            }
        };
        answer::network(&network).ok_or_else(|| {
            EngineError::Rejected(format!("network {} exists and is not one that this agent made", spec.name))
        })
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String> {
        let options = CreateContainerOptions { name: Some(spec.name.clone()), ..CreateContainerOptions::default() };
        let mut body = spec::container(spec);
        if let (true, Some(labels), Some(host)) = (self.limits_disk, spec.labels.sandbox(), &mut body.host_config) {
            host.storage_opt = Some(disk::limit(labels.size.disk_gib));
        }
        Ok(self.docker.create_container(Some(options), body).await?.id)
    }

    async fn start(&self, id: &str) -> Result<()> {
        let options = None::<bollard::query_parameters::StartContainerOptions>;
        match done(self.docker.start_container(id, options).await) {
            // dockerd was killed while it started the container, and does not know of the processes that run in it.
            // When they end it hears of that, and cleans up: the caller will try again. Where none is left to end, only
            // a restart of dockerd clears containerd's memory of the task, and asking on would be asking for ever.
            Err(EngineError::Conflict(reason) | EngineError::Rejected(reason)) if reason.ends_with(ORPHANED) => {
                let container = id.to_owned();
                let killed = tokio::task::spawn_blocking(move || orphans::kill(&container)).await.unwrap_or(0);
                tracing::warn!(container = id, killed, reason, "processes that the engine lost");
                Err(if killed > 0 { EngineError::Unavailable(reason) } else { EngineError::Rejected(reason) })
            }
            other => other,
        }
    }

    async fn pause(&self, id: &str) -> Result<()> {
        match self.docker.pause_container(id).await.map_err(EngineError::from) {
            Err(error) if self.is_paused(id).await? => {
                tracing::debug!(container = id, %error, "frozen already");
                Ok(())
            }
            other => other,
        }
    }

    async fn unpause(&self, id: &str) -> Result<()> {
        match self.docker.unpause_container(id).await.map_err(EngineError::from) {
            Err(error) if !self.is_paused(id).await? => {
                tracing::debug!(container = id, %error, "not frozen");
                Ok(())
            }
            other => other,
        }
    }

    async fn update(&self, id: &str, limits: Limits) -> Result<()> {
        Ok(self.docker.update_container(id, spec::update(limits)).await?)
    }

    async fn upper_dir(&self, id: &str) -> Result<Option<PathBuf>> {
        let found = self.docker.inspect_container(id, None::<InspectContainerOptions>).await?;
        Ok(answer::upper_dir(found))
    }

    async fn export(&self, id: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        Ok(self.docker.export_container(id).map_err(EngineError::from).boxed())
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<()> {
        // What is frozen hears no signal but the last.
        if self.is_paused(id).await? {
            self.unpause(id).await?;
        }
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptions { t: Some(seconds), ..StopContainerOptions::default() };
        gone_is_fine(done(self.docker.stop_container(id, Some(options)).await))
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        match self.docker.remove_container(id, Some(options)).await.map_err(EngineError::from) {
            // "removal already in progress": what was asked happens.
            Err(EngineError::Conflict(message)) if message.contains("already in progress") => Ok(()),
            other => {
                gone_is_fine(other)?;
                let container = id.to_owned();
                let ended = tokio::task::spawn_blocking(move || orphans::end(&container)).await.unwrap_or(0);
                if ended > 0 {
                    tracing::warn!(container = id, ended, "processes that the engine lost");
                }
                Ok(())
            }
        }
    }

    async fn rename(&self, id: &str, name: &str) -> Result<()> {
        Ok(self.docker.rename_container(id, RenameContainerOptions { name: name.to_owned() }).await?)
    }

    async fn inspect(&self, id: &str) -> Result<Option<Container>> {
        let found = found(self.docker.inspect_container(id, None::<InspectContainerOptions>).await)?;
        Ok(found.and_then(answer::inspected))
    }

    async fn list(&self, deployment: &str, runner: &str) -> Result<Vec<Container>> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("label".to_owned(), ours(deployment, runner))])),
            ..ListContainersOptions::default()
        };
        let containers = self.docker.list_containers(Some(options)).await?;
        Ok(containers.into_iter().filter_map(answer::listed).collect())
    }

    async fn deaths(&self, deployment: &str, runner: &str) -> Result<BoxStream<'static, Died>> {
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), vec!["die".to_owned()]),
            ("label".to_owned(), ours(deployment, runner)),
        ]);
        // The question is sent when the stream is first polled; "since" closes the gap until then.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = format!("{}.{:09}", since.as_secs(), since.subsec_nanos());
        // Asking for something cheap first tells an engine that is away from one where nothing happens.
        self.docker.ping().await?;
        let options = EventsOptions { since: Some(since), filters: Some(filters), ..EventsOptions::default() };
        let events = self.docker.events(Some(options));
        let deaths = events
            .take_while(|event| std::future::ready(event.is_ok()))
            .filter_map(|event| std::future::ready(event.ok().and_then(answer::died)));
        Ok(deaths.boxed())
    }
}

async fn import(docker: &Docker, reference: &str, layer: Bytes, entrypoint: &[&str]) -> Result<()> {
    let entrypoint: Vec<_> = entrypoint.iter().map(|word| format!("{word:?}")).collect();
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(reference.to_owned()),
        changes: vec![format!("ENTRYPOINT [{}]", entrypoint.join(","))],
        ..CreateImageOptions::default()
    };
    docker.create_image(Some(options), Some(body_full(layer)), None).try_for_each(|_progress| async { Ok(()) }).await?;
    Ok(())
}

fn ours(deployment: &str, runner: &str) -> Vec<String> {
    vec![format!("{}={deployment}", labels::DEPLOYMENT), format!("{}={runner}", labels::RUNNER)]
}

/// 404 is an answer, not an error, when looking for something.
fn found<T>(result: std::result::Result<T, bollard::errors::Error>) -> Result<Option<T>> {
    match result.map_err(EngineError::from) {
        Ok(value) => Ok(Some(value)),
        Err(EngineError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// 304 says that it was so already.
fn done(result: std::result::Result<(), bollard::errors::Error>) -> Result<()> {
    match result {
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 304, .. }) => Ok(()),
        other => Ok(other?),
    }
}

fn gone_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(EngineError::NotFound(_)) => Ok(()),
        other => other,
    }
}
