//! What comes in pieces from elsewhere, for who reads on a thread.

use std::{
    io::{self, Read},
    sync::{Arc, atomic::AtomicBool},
};

use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::spawn_blocking,
};

use crate::blocking::Raise;

/// Chunks that wait to be read.
const WAITING: usize = 16;

/// The reader's end.
pub struct Chunks {
    chunks: Receiver<io::Result<Bytes>>,
    present: Bytes,
}

/// Both ends. The writer says an error where it ends early: else that would look like the end of all.
pub fn channel() -> (Sender<io::Result<Bytes>>, Chunks) {
    let (sender, chunks) = mpsc::channel(WAITING);
    (sender, Chunks { chunks, present: Bytes::new() })
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.present.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.present = chunk?,
                None => return Ok(0),
            }
        }
        let length = self.present.len().min(into.len());
        self.present.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

/// Reads a stream on a thread. Dropped, it ends soon.
pub async fn read<A: Send + 'static>(
    mut stream: impl Stream<Item = io::Result<Bytes>> + Unpin,
    work: impl FnOnce(Chunks, &AtomicBool) -> Result<A, paddock_layers::Error> + Send + 'static,
) -> Result<A, paddock_layers::Error> {
    let (sender, chunks) = channel();
    let cancelled = Arc::new(AtomicBool::new(false));
    let _raise = Raise(Arc::clone(&cancelled));
    let working = spawn_blocking(move || work(chunks, &cancelled));
    while let Some(chunk) = stream.next().await {
        // Whoever ended before the stream did has a reason of his own.
        if sender.send(chunk).await.is_err() {
            break;
        }
    }
    drop(sender);
    working.await.map_err(io::Error::other)?
}
