//! The way of one capture: packed and sent at the same time, then completed.

use std::{fs::File, io, path::Path, sync::Arc};

use paddock_layers::Packed;
use paddock_wire::{agents::CaptureComplete, work::Manifest};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    CaptureError, Captures, Wanted,
    packing::{self, Grown},
    retry,
    spool::{Journal, Spool},
    turns::Turn,
    upload::{self, Upload},
};

/// Packed, and on its way to S3. Dropped, the upload stops; [`Captures::begin`] goes on with it without packing again.
pub struct Packing {
    wanted: Wanted,
    manifest: Manifest,
    spool: Spool,
    journal: Arc<Journal>,
    /// None when all was done in an earlier life.
    under_way: Option<UnderWay>,
    turn: Turn,
}

struct UnderWay {
    /// Makes the spool the truth.
    sealing: JoinHandle<io::Result<()>>,
    uploading: AbortOnDropHandle<Result<CaptureComplete, CaptureError>>,
}

impl std::fmt::Debug for Packing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packing({})", self.manifest.id)
    }
}

impl Captures {
    /// Packs `dir`, the upper directory of a container that is frozen or stopped, unless that was done before. What is
    /// packed is uploaded at the same time; trouble with that is heard of in [`Captures::finish`], but for a refusal.
    ///
    /// `image` is the digest of the image's configuration, `sha256:<hex>`.
    ///
    /// # Errors
    /// See [`CaptureError`].
    pub async fn begin(
        &self,
        wanted: Wanted,
        dir: &Path,
        image: &str,
        cancel: &CancellationToken,
    ) -> Result<Packing, CaptureError> {
        let work = self.pack_or_go_on(wanted, dir, image);
        cancel.run_until_cancelled(work).await.unwrap_or(Err(CaptureError::Cancelled))
    }

    /// Waits for the upload and completes it. The spool is gone then; what is left is a note for who asks again.
    ///
    /// # Errors
    /// See [`CaptureError`].
    pub async fn finish(&self, packing: Packing, cancel: &CancellationToken) -> Result<Manifest, CaptureError> {
        cancel.run_until_cancelled(self.complete(packing)).await.unwrap_or(Err(CaptureError::Cancelled))
    }

    async fn pack_or_go_on(&self, wanted: Wanted, dir: &Path, image: &str) -> Result<Packing, CaptureError> {
        let spool = self.spool(wanted.id);
        let turn = self.turns.take(&spool.packed).await;
        let (opening, held) = (spool.clone(), Arc::clone(&turn));
        let opened = blocking(move || {
            let opened = opening.open(wanted.sandbox);
            // Whoever is dropped meanwhile still clears the spool: the next one has to wait for that.
            drop(held);
            opened
        });
        let journal = Arc::new(opened.await?);
        let record = journal.record().clone();
        if let (Some(manifest), true) = (&record.manifest, record.complete) {
            let manifest = manifest.clone();
            return Ok(Packing { wanted, manifest, spool, journal, under_way: None, turn });
        }
        let (grown, growing) = watch::channel(Grown::default());
        let uploading = self.upload(wanted, &spool, &journal, growing, &turn);
        let (manifest, uploading) = if let Some(manifest) = record.manifest {
            grown.send_replace(Grown { bytes: manifest.size, whole: true });
            (manifest, uploading)
        } else {
            let packing = packing::run(&spool, dir.to_path_buf(), grown, Arc::clone(&turn));
            let (packed, uploading) = unless_refused(packing, uploading).await?;
            (manifest_of(wanted, image, packed), uploading)
        };
        let sealing = seal(&spool, &journal, &manifest, &turn);
        Ok(Packing { wanted, manifest, spool, journal, under_way: Some(UnderWay { sealing, uploading }), turn })
    }

    fn upload(
        &self,
        wanted: Wanted,
        spool: &Spool,
        journal: &Arc<Journal>,
        growing: watch::Receiver<Grown>,
        turn: &Turn,
    ) -> AbortOnDropHandle<Result<CaptureComplete, CaptureError>> {
        let upload = Upload {
            wanted,
            control: Arc::clone(&self.control),
            http: self.http.clone(),
            file: spool.packed.clone(),
            journal: Arc::clone(journal),
            turn: Arc::clone(turn),
        };
        AbortOnDropHandle::new(tokio::spawn(upload::run(Arc::new(upload), growing)))
    }

    async fn complete(&self, packing: Packing) -> Result<Manifest, CaptureError> {
        let Packing { wanted, manifest, spool, journal, under_way, turn } = packing;
        let Some(UnderWay { sealing, uploading }) = under_way else { return Ok(manifest) };
        sealing.await.map_err(CaptureError::here)?.map_err(CaptureError::here)?;
        let complete = uploading.await.map_err(CaptureError::here)??;
        retry::control(|| self.control.capture_complete(wanted.id, &complete)).await?;
        // The note first: without it and without a spool, the files would be packed and sent again.
        let noted = blocking(move || {
            journal.change(|record| {
                record.complete = true;
                record.parts.clear();
            })?;
            let removed = spool.remove_packed();
            drop(turn);
            removed
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, capture = %wanted.id, "a capture is complete, but its spool is still here");
        }
        Ok(manifest)
    }
}

/// Waits for the packing. An upload that is refused meanwhile ends it.
async fn unless_refused(
    packing: impl Future<Output = Result<Packed, CaptureError>>,
    mut uploading: AbortOnDropHandle<Result<CaptureComplete, CaptureError>>,
) -> Result<(Packed, AbortOnDropHandle<Result<CaptureComplete, CaptureError>>), CaptureError> {
    tokio::pin!(packing);
    let ended = tokio::select! {
        packed = &mut packing => return Ok((packed?, uploading)),
        ended = &mut uploading => ended.map_err(CaptureError::here)?,
    };
    if let Err(error @ CaptureError::Refused(_)) = ended {
        return Err(error);
    }
    let packed = packing.await?;
    // What it had to say is kept for who waits for it.
    Ok((packed, AbortOnDropHandle::new(tokio::spawn(std::future::ready(ended)))))
}

fn manifest_of(wanted: Wanted, image: &str, packed: Packed) -> Manifest {
    let Packed { sha256, size, unpacked, entries, skipped } = packed;
    if skipped > 0 {
        tracing::warn!(capture = %wanted.id, skipped, "sockets and devices are left out of a capture");
    }
    Manifest { id: wanted.id, image: image.to_owned(), sha256, size, unpacked, entries }
}

/// Once the spool is on the disk the journal says that it is whole; not while the container is frozen.
fn seal(spool: &Spool, journal: &Arc<Journal>, manifest: &Manifest, turn: &Turn) -> JoinHandle<io::Result<()>> {
    let (path, journal, manifest, turn) =
        (spool.packed.clone(), Arc::clone(journal), manifest.clone(), Arc::clone(turn));
    spawn_blocking(move || {
        File::open(path)?.sync_all()?;
        let sealed = journal.change(|record| record.manifest = Some(manifest));
        drop(turn);
        sealed
    })
}

async fn blocking<A: Send + 'static>(work: impl FnOnce() -> io::Result<A> + Send + 'static) -> Result<A, CaptureError> {
    crate::blocking::run(work).await.map_err(CaptureError::here)
}
