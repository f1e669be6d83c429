//! Captures where the engine does not show what a container changed: its whole file system is compared with that of its
//! image. Costs two exports of the container while it is frozen and one of its image before (some 150 MB/s on two cores,
//! so seconds where an upper directory takes none), memory of some hundred bytes for each file of both, and of the disk
//! what the changes take, twice. Of extended attributes engines export only capabilities.

use std::{fs, io, path::Path};

use futures::StreamExt;
use paddock_layers::{Changes, Tree};

use super::{CaptureError, chunks};
use crate::{
    blocking,
    engine::{Engine, EngineError},
};

/// The files of a container.
///
/// # Errors
/// See [`CaptureError`].
pub async fn tree(engine: &dyn Engine, container: &str) -> Result<Tree, CaptureError> {
    read(engine, container, |tar, cancelled| Tree::read(tar, Some(cancelled))).await
}

/// Makes an upper directory of what a container, which does not change meanwhile, has changed of `base`.
///
/// # Errors
/// See [`CaptureError`].
pub async fn place(engine: &dyn Engine, container: &str, base: &Tree, dir: &Path) -> Result<(), CaptureError> {
    let changes: Changes = tree(engine, container).await?.changes_of(base);
    let dir = dir.to_owned();
    read(engine, container, move |tar, cancelled| {
        emptied(&dir)?;
        changes.place(tar, &dir, Some(cancelled))
    })
    .await
}

async fn read<A: Send + 'static>(
    engine: &dyn Engine,
    container: &str,
    work: impl FnOnce(chunks::Chunks, &std::sync::atomic::AtomicBool) -> Result<A, paddock_layers::Error> + Send + 'static,
) -> Result<A, CaptureError> {
    let stream = engine.export(container).await?;
    let stream = stream.map(|chunk| chunk.map_err(io::Error::other));
    match chunks::read(stream, work).await {
        Ok(read) => Ok(read),
        Err(paddock_layers::Error::Cancelled) => Err(CaptureError::Cancelled),
        // The engine went away, or will say so when it is asked again.
        Err(paddock_layers::Error::Stream(error)) => Err(CaptureError::Unavailable(error.to_string())),
        Err(error) => Err(CaptureError::Failed(format!("the files cannot be exported: {error}"))),
    }
}

fn emptied(dir: &Path) -> io::Result<()> {
    removed(dir)?;
    fs::create_dir_all(dir)
}

fn removed(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what was placed.
pub async fn clear(dir: &Path) {
    let path = dir.to_owned();
    if let Err(error) = blocking::run(move || removed(&path)).await {
        tracing::warn!(%error, dir = %dir.display(), "files of a capture stay until the next start");
    }
}

impl From<EngineError> for CaptureError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unavailable(reason) => Self::Unavailable(reason),
            error => Self::here(error),
        }
    }
}
