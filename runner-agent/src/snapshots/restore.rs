//! From S3 into an upper directory.

use std::{
    io::{self, Read},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::{Buf, Bytes};
use paddock_layers::{Error, Expected, Limits, clear, unpack};
use paddock_wire::work::{Manifest, Restore};
use reqwest::{Response, StatusCode};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::spawn_blocking,
    time::timeout,
};

use super::{RestoreError, part::describe, retry::Backoff, turns::Turn};
use crate::blocking::Raise;

/// Chunks that wait to be unpacked.
const WAITING: usize = 16;
/// S3 that says nothing for so long will not.
const SILENCE: Duration = Duration::from_secs(30);

/// Why an attempt brought nothing.
enum Refusal {
    /// From the start it may go.
    Again(String),
    Final(RestoreError),
}

/// Unpacks until it is done, from the start after each broken connection. Dropped, it ends soon, and `turn` is held
/// until then.
pub async fn run(http: &reqwest::Client, restore: &Restore, dir: &Path, turn: &Turn) -> Result<(), RestoreError> {
    let mut backoff = Backoff::default();
    loop {
        match attempt(http, restore, dir, turn).await {
            Ok(()) => return Ok(()),
            Err(Refusal::Final(error)) => return Err(error),
            Err(Refusal::Again(reason)) => {
                tracing::debug!(capture = %restore.manifest.id, reason, "a capture did not come");
                if !backoff.again().await {
                    return Err(RestoreError::Unavailable(reason));
                }
            }
        }
    }
}

async fn attempt(http: &reqwest::Client, restore: &Restore, dir: &Path, turn: &Turn) -> Result<(), Refusal> {
    let response = get(http, restore).await?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let _raise = Raise(Arc::clone(&cancelled));
    let (chunks, received) = mpsc::channel(WAITING);
    let unpacking = {
        let (manifest, dir, turn) = (restore.manifest.clone(), dir.to_path_buf(), Arc::clone(turn));
        spawn_blocking(move || {
            let made = make(&manifest, &dir, received, &cancelled);
            drop(turn);
            made
        })
    };
    let fed = feed(response, chunks).await;
    let made = unpacking.await.map_err(|error| Refusal::Final(RestoreError::Failed(error.to_string())))?;
    match (made, fed) {
        (Ok(()), _) => Ok(()),
        // Whatever was made of a part of it.
        (Err(_), Err(reason)) => Err(Refusal::Again(reason)),
        (Err(error), Ok(())) => Err(Refusal::Final(RestoreError::Failed(error.to_string()))),
    }
}

async fn get(http: &reqwest::Client, restore: &Restore) -> Result<Response, Refusal> {
    let asked = timeout(SILENCE, http.get(&restore.url).send()).await;
    let response = asked.map_err(|_| Refusal::Again("S3 does not answer".to_owned()))?;
    let response = response.map_err(|error| Refusal::Again(format!("S3: {}", describe(error))))?;
    let status = response.status();
    let reason = format!("S3 answered {status}");
    match status {
        StatusCode::OK => Ok(response),
        StatusCode::FORBIDDEN => Err(Refusal::Final(RestoreError::Unavailable(reason))),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Refusal::Again(reason)),
        status if status.is_server_error() => Err(Refusal::Again(reason)),
        _ => Err(Refusal::Final(RestoreError::Failed(reason))),
    }
}

/// Passes the body on, and says why not all of it came.
async fn feed(mut response: Response, chunks: Sender<io::Result<Bytes>>) -> Result<(), String> {
    loop {
        let reason = match timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                if chunks.send(Ok(chunk)).await.is_err() {
                    // It ended for a reason of its own.
                    return Ok(());
                }
                continue;
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => describe(error),
            Err(_) => "S3 fell silent".to_owned(),
        };
        // Without this the end would look like the end of the object.
        drop(chunks.send(Err(io::Error::other(reason.clone()))).await);
        return Err(reason);
    }
}

fn make(
    manifest: &Manifest,
    dir: &Path,
    chunks: Receiver<io::Result<Bytes>>,
    cancelled: &AtomicBool,
) -> Result<(), Error> {
    clear(dir)?;
    let Manifest { id: _, image: _, sha256, size, unpacked, entries } = manifest;
    let expected = Expected { sha256: sha256.clone(), size: *size };
    let limits = Limits { max_bytes: *unpacked, max_entries: *entries };
    unpack(Chunks { chunks, present: Bytes::new() }, dir, &expected, limits, Some(cancelled))?;
    Ok(())
}

/// What comes through the channel, for who reads on a thread.
struct Chunks {
    chunks: Receiver<io::Result<Bytes>>,
    present: Bytes,
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
