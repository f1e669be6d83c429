//! Captures of sandboxes' files, and sandboxes begun with them.
//!
//! Making one: the changed files are packed into a spool on this machine while whole parts of it go to S3 already. The
//! container has to be frozen only while it is packed; after that the spool is the truth, over restarts of the agent too.
//!
//! * [`capture`] the way of one capture: packed, and then the [`Rest`]
//! * [`spool`] what is on disk of it; [`packing`] how that is written; [`upload`] and [`part`] how it is sent
//! * [`restore`] the other way; [`chunks`] how a thread reads what comes over the network
//! * [`exports`] where the engine does not show the changed files
//! * [`turns`] one at a time; [`retry`] what is tried again

mod capture;
mod chunks;
mod error;
pub mod exports;
mod packing;
mod part;
mod restore;
pub mod retry;
mod spool;
#[cfg(test)]
mod tests;
mod turns;
mod upload;

use std::{fs, io, path::Path, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use paddock_wire::work::{Manifest, Restore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::error::{CaptureError, RestoreError};
use self::{spool::Spool, turns::Turns};
use crate::control_api::ControlApi;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Nobody asked for it in this time: its capture is no longer wanted.
const SPOOL_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Which capture is made, of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The capture.
    pub id: Uuid,
    /// Whose files.
    pub sandbox: Uuid,
    /// The placement that is captured.
    pub epoch: u64,
}

/// Where first files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The upper directory of a container that was never started; what is in there is removed first.
    Upper(PathBuf),
    /// The root of a container that is frozen, with the files of its image: it is changed as the capture says.
    Root(PathBuf),
}

impl Ground {
    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        match self {
            Self::Upper(dir) | Self::Root(dir) => dir,
        }
    }
}

/// What is left to do of a capture once its files are packed and the container may go on.
pub type Rest<'a> = BoxFuture<'a, Result<Manifest, CaptureError>>;

/// Where captures go, and first files come from.
#[async_trait]
pub trait CaptureStore: Send + Sync {
    /// Whether a capture is wholly packed, so that [`CaptureStore::pack`] needs neither its directory nor a frozen
    /// container.
    fn is_packed(&self, id: Uuid) -> bool;

    /// Packs `dir`, the upper directory of a container that is frozen or stopped, unless that was done before; `image`
    /// is the digest of the image's configuration, `sha256:<hex>`. The rest is waited for apart.
    ///
    /// # Errors
    /// See [`CaptureError`].
    async fn pack<'a>(
        &'a self,
        wanted: Wanted,
        dir: &Path,
        image: &str,
        cancel: &'a CancellationToken,
    ) -> Result<Rest<'a>, CaptureError>;

    /// A directory for the changed files of a capture where the engine has none; whoever makes it removes it.
    fn scratch(&self, id: Uuid) -> PathBuf;

    /// Unpacks there.
    ///
    /// # Errors
    /// See [`RestoreError`].
    async fn restore(&self, restore: &Restore, ground: &Ground, cancel: &CancellationToken)
    -> Result<(), RestoreError>;

    /// The sandbox is not here any more: what is left of its captures is wanted by nobody.
    async fn forget(&self, sandbox: Uuid);

    /// Removes what nobody asked for in long.
    fn forget_old(&self);
}

/// Spools and uploads of this runner.
pub struct Captures {
    spools: PathBuf,
    scratch: PathBuf,
    control: Arc<ControlApi>,
    /// To S3. Without a limit for the whole of a request: that depends on what it carries.
    http: reqwest::Client,
    turns: Turns,
}

impl Captures {
    /// # Errors
    /// When the directory of spools cannot be made, or the TLS set-up of this machine not be read.
    pub fn new(state_dir: &Path, control: Arc<ControlApi>) -> io::Result<Self> {
        let spools = state_dir.join("captures");
        fs::create_dir_all(&spools)?;
        let scratch = state_dir.join("scratch");
        // Left by an agent that ended in the middle.
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&scratch)?,
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A body that is streamed cannot be sent again elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { spools, scratch, control, http, turns: Turns::default() })
    }

    fn spool(&self, id: Uuid) -> Spool {
        Spool::new(&self.spools, id)
    }
}

#[async_trait]
impl CaptureStore for Captures {
    fn is_packed(&self, id: Uuid) -> bool {
        self.spool(id).is_packed()
    }

    async fn pack<'a>(
        &'a self,
        wanted: Wanted,
        dir: &Path,
        image: &str,
        cancel: &'a CancellationToken,
    ) -> Result<Rest<'a>, CaptureError> {
        let packing = self.begin(wanted, dir, image, cancel).await?;
        Ok(Box::pin(self.finish(packing, cancel)))
    }

    fn scratch(&self, id: Uuid) -> PathBuf {
        self.scratch.join(id.to_string())
    }

    async fn restore(
        &self,
        restore: &Restore,
        ground: &Ground,
        cancel: &CancellationToken,
    ) -> Result<(), RestoreError> {
        let work = async {
            let turn = self.turns.take(ground.dir()).await;
            restore::run(&self.http, restore, ground, &turn).await
        };
        cancel.run_until_cancelled(work).await.unwrap_or(Err(RestoreError::Cancelled))
    }

    async fn forget(&self, sandbox: Uuid) {
        let spools = self.spools.clone();
        let left = crate::blocking::run(move || spool::of_sandbox(&spools, sandbox)).await.unwrap_or_else(|error| {
            tracing::warn!(%sandbox, %error, "spools of a sandbox that is gone stay for a day");
            Vec::new()
        });
        for spool in left {
            // What still packs or sends ends first.
            let turn = self.turns.take(&spool.packed).await;
            if let Err(error) = crate::blocking::run(move || spool.remove()).await {
                tracing::warn!(%sandbox, %error, "a spool of a sandbox that is gone stays for a day");
            }
            drop(turn);
        }
    }

    fn forget_old(&self) {
        if let Err(error) = spool::forget(&self.spools, SPOOL_LIFE) {
            tracing::warn!(%error, dir = %self.spools.display(), "old spools are not removed");
        }
    }
}
