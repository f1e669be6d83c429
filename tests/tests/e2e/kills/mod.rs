//! kill -9 of each part. Afterwards, within the bound: every wish is served, files are there, one container per
//! sandbox, nothing else.

mod agent;
mod daemon;
mod dockerd;
mod function;
mod pause_container;

use anyhow::{Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{CONVERGENCE, Look, PATIENCE, within};
use paddock_tests::docker::{self, Container};
use paddock_tests::toolbox::Toolbox;
use tokio::time::Instant;

/// A sandbox that must come through with its file and its environment.
struct Survivor {
    api: Api,
    id: String,
    toolbox: Toolbox,
}

const FILE: &str = "/home/daytona/kept";

impl Survivor {
    async fn make(test: &str) -> Result<Self> {
        let api = Api::owner();
        let mut body = labelled(test);
        body["env"] = serde_json::json!({ "KEPT": "yes" });
        let id = api.create(body).await?;
        let toolbox = Toolbox::of(&id);
        toolbox.upload(FILE, b"content".to_vec()).await?;
        // Nothing but these: to write all that a machine under load has not written yet can take minutes.
        toolbox.sh(&format!("sudo touch /etc/kept-by-root && sync /etc/kept-by-root {FILE}")).await?;
        Ok(Self { api, id, toolbox })
    }

    /// Its container as it is now.
    async fn container(&self) -> Result<Container> {
        docker::container(&self.id).await
    }

    /// The container of its network.
    async fn pause(&self) -> Result<Container> {
        docker::pause_of(&self.container().await?).await
    }

    /// Within the bound, counted from the fault: started, usable, with its files, on exactly one container in one network.
    async fn comes_through(&self, fault: Instant) -> Result<()> {
        let left = (fault + CONVERGENCE).saturating_duration_since(Instant::now());
        // All of it, again and again: what works already may yet be started once more.
        within(left, "the survivor is whole", || async { self.check_whole().await.map(Look::Done) }).await
    }

    async fn check_whole(&self) -> Result<()> {
        let state = self.api.get(&self.id).await?["state"].clone();
        ensure!(state == "started", "it is {state}");
        ensure!(self.toolbox.download(FILE).await? == b"content", "the file changed");
        ensure!(self.toolbox.sh("ls /etc/kept-by-root && echo $KEPT").await?.ends_with("yes"), "files or env are lost");
        let running = (self.container().await?.running, self.pause().await?.running);
        ensure!(running == (true, true), "container and network run: {running:?}");
        Ok(())
    }

    /// Still does everything else too, and leaves nothing.
    async fn ends_well(self) -> Result<()> {
        self.api.stop(&self.id).await?;
        self.api.start(&self.id).await?;
        ensure!(self.toolbox.download(FILE).await? == b"content", "the file changed over stop and start");
        self.api.delete(&self.id).await?;
        no_containers(&self.id).await
    }
}

async fn no_containers(id: &str) -> Result<()> {
    within(PATIENCE, "containers are gone", || async {
        let left = docker::containers(id).await?;
        Ok(if left.is_empty() { Look::Done(()) } else { Look::NotYet(format!("{left:?}")) })
    })
    .await
}
