//! Files into a spool, on a thread of its own.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use paddock_layers::Packed;
use tokio::sync::watch;

use super::{CaptureError, spool::Spool, turns::Turn};
use crate::blocking::Raise;

/// How much of a spool can be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grown {
    /// Bytes in the file.
    pub bytes: u64,
    /// There will be no more.
    pub whole: bool,
}

/// Packs `dir`. Dropped, it ends soon, and `turn` is held until then.
pub async fn run(spool: &Spool, dir: PathBuf, grown: watch::Sender<Grown>, turn: Turn) -> Result<Packed, CaptureError> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let _raise = Raise(Arc::clone(&cancelled));
    let spool = spool.clone();
    let packing = tokio::task::spawn_blocking(move || {
        let packed = spool
            .create()
            .map_err(paddock_layers::Error::from)
            .and_then(|file| paddock_layers::pack(&dir, Growing { file, bytes: 0, grown: &grown }, Some(&cancelled)));
        match &packed {
            Ok(packed) => drop(grown.send_replace(Grown { bytes: packed.size, whole: true })),
            // It would only fill the disk: it is packed anew in any case.
            Err(_) => drop(spool.remove_packed()),
        }
        drop(turn);
        packed
    });
    match packing.await.map_err(CaptureError::here)? {
        Ok(packed) => Ok(packed),
        Err(paddock_layers::Error::Cancelled) => Err(CaptureError::Cancelled),
        Err(error) => Err(CaptureError::Failed(format!("the files cannot be packed: {error}"))),
    }
}

struct Growing<'a> {
    file: File,
    bytes: u64,
    grown: &'a watch::Sender<Grown>,
}

impl Write for Growing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.grown.send_replace(Grown { bytes: self.bytes, whole: false });
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
