//! The files of a simulated sandbox: one, to which each use adds a word. And how a runner captures and restores them,
//! with the control plane's real routes and without archives: those have tests of their own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use paddock_runner_agent::{
    control_api::ControlApi,
    snapshots::{CaptureError, CaptureStore, Ground, Rest, RestoreError, Wanted, retry},
};
use paddock_wire::{
    agents::{CaptureBegin, CaptureComplete, CaptureParts},
    work::{Manifest, Restore},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    aws::bucket::{Bucket, digest},
    chance,
    life::Life,
};

const WORDS: &str = "words";

/// Words in an upper directory.
pub fn words_in(dir: &Path) -> Vec<String> {
    words(&fs::read(dir.join(WORDS)).unwrap_or_default())
}

/// Words in an object.
pub fn words(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

/// A sandbox writes a word.
pub fn add_word(dir: &Path, word: &str) {
    let mut words = words_in(dir);
    words.push(word.to_owned());
    fs::write(dir.join(WORDS), words.join("\n")).expect("the word is written");
}

/// What is on a machine's disk of its captures; it outlives agents.
pub type Spools = Arc<Mutex<BTreeMap<Uuid, Spool>>>;

#[derive(Clone)]
pub struct Spool {
    sandbox: Uuid,
    manifest: Manifest,
    bytes: Vec<u8>,
    complete: bool,
}

pub struct SimCaptures {
    pub control: Arc<ControlApi>,
    pub bucket: Arc<Bucket>,
    pub spools: Spools,
    pub life: Arc<Life>,
}

impl SimCaptures {
    fn spool(&self, id: Uuid) -> Option<Spool> {
        self.spools.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn keep(&self, spool: Spool) {
        self.spools.lock().unwrap_or_else(PoisonError::into_inner).insert(spool.manifest.id, spool);
    }

    async fn packed(&self, wanted: Wanted, dir: &Path, image: &str) -> Result<Spool, CaptureError> {
        if let Some(spool) = self.spool(wanted.id) {
            return Ok(spool);
        }
        let packing = async {
            tokio::time::sleep(chance::span(Duration::from_secs(4))).await;
            if chance::mishap(10) {
                return Err(CaptureError::Failed("the disk is full".to_owned()));
            }
            Ok(fs::read(dir.join(WORDS)).unwrap_or_default())
        };
        let bytes = self.life.outside(packing).await?;
        let size = bytes.len() as u64;
        let (id, image, sha256) = (wanted.id, image.to_owned(), digest(&bytes));
        let manifest = Manifest { id, image, sha256, size, unpacked: size, entries: 1 };
        let spool = Spool { sandbox: wanted.sandbox, manifest, bytes, complete: false };
        self.keep(spool.clone());
        Ok(spool)
    }

    async fn send(&self, wanted: Wanted, spool: Spool) -> Result<Manifest, CaptureError> {
        if spool.complete {
            return Ok(spool.manifest);
        }
        let Wanted { id, sandbox, epoch } = wanted;
        let begin = CaptureBegin { sandbox_id: sandbox, epoch };
        let begun = retry::control(|| self.control.capture_begin(id, &begin)).await?;
        let parts = CaptureParts { upload_id: begun.upload_id.clone(), first: 1, count: 1 };
        let urls = retry::control(|| self.control.capture_parts(id, &parts)).await?.urls;
        let url = urls.first().ok_or_else(|| CaptureError::Unavailable("no URL".to_owned()))?;
        let put = async {
            tokio::time::sleep(chance::span(Duration::from_secs(4))).await;
            self.bucket.put_part(url, &spool.bytes)
        };
        let etag = self.life.outside(put).await;
        let etag = etag.ok_or_else(|| CaptureError::Unavailable("S3 no longer knows the upload".to_owned()))?;
        let complete = CaptureComplete { upload_id: begun.upload_id, etags: vec![etag] };
        retry::control(|| self.control.capture_complete(id, &complete)).await?;
        let manifest = spool.manifest.clone();
        self.keep(Spool { complete: true, ..spool });
        Ok(manifest)
    }

    async fn unpack(&self, restore: &Restore, dir: &Path) -> Result<(), RestoreError> {
        let got = async {
            tokio::time::sleep(chance::span(Duration::from_secs(4))).await;
            self.bucket.get(&restore.url)
        };
        let bytes = self.life.outside(got).await.ok_or_else(|| RestoreError::Failed("S3 answered 404".to_owned()))?;
        if digest(&bytes) != restore.manifest.sha256 {
            return Err(RestoreError::Failed("another digest".to_owned()));
        }
        let write =
            |bytes: &[u8]| fs::write(dir.join(WORDS), bytes).map_err(|error| RestoreError::Failed(error.to_string()));
        write(&bytes[..bytes.len() / 2])?;
        self.life.outside(async { write(&bytes) }).await
    }
}

#[async_trait]
impl CaptureStore for SimCaptures {
    fn is_packed(&self, id: Uuid) -> bool {
        self.spool(id).is_some()
    }

    async fn pack<'a>(
        &'a self,
        wanted: Wanted,
        dir: &Path,
        image: &str,
        cancel: &'a CancellationToken,
    ) -> Result<Rest<'a>, CaptureError> {
        let packed = cancel.run_until_cancelled(self.packed(wanted, dir, image)).await;
        let spool = packed.unwrap_or(Err(CaptureError::Cancelled))?;
        Ok(Box::pin(async move {
            cancel.run_until_cancelled(self.send(wanted, spool)).await.unwrap_or(Err(CaptureError::Cancelled))
        }))
    }

    fn scratch(&self, id: Uuid) -> PathBuf {
        std::env::temp_dir().join(id.to_string())
    }

    async fn restore(
        &self,
        restore: &Restore,
        ground: &Ground,
        cancel: &CancellationToken,
    ) -> Result<(), RestoreError> {
        cancel.run_until_cancelled(self.unpack(restore, ground.dir())).await.unwrap_or(Err(RestoreError::Cancelled))
    }

    async fn forget(&self, sandbox: Uuid) {
        let mut spools = self.spools.lock().unwrap_or_else(PoisonError::into_inner);
        spools.retain(|_, spool| spool.sandbox != sandbox);
    }

    fn forget_old(&self) {}
}
