//! From S3 into an upper directory, or onto the files of a container.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use paddock_layers::{Error, Expected, Limits, clear, unpack, unpack_onto};
use paddock_wire::work::{Manifest, Restore};
use reqwest::{Response, StatusCode};
use tokio::{sync::mpsc::Sender, task::spawn_blocking, time::timeout};

use super::{
    Ground, RestoreError,
    chunks::{self, Chunks},
    part::describe,
    retry::Backoff,
    turns::Turn,
};
use crate::blocking::Raise;

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
pub async fn run(http: &reqwest::Client, restore: &Restore, ground: &Ground, turn: &Turn) -> Result<(), RestoreError> {
    let mut backoff = Backoff::default();
    loop {
        match attempt(http, restore, ground, turn).await {
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

async fn attempt(http: &reqwest::Client, restore: &Restore, ground: &Ground, turn: &Turn) -> Result<(), Refusal> {
    let response = get(http, restore).await?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let _raise = Raise(Arc::clone(&cancelled));
    let (chunks, received) = chunks::channel();
    let unpacking = {
        let (manifest, ground, turn) = (restore.manifest.clone(), ground.clone(), Arc::clone(turn));
        spawn_blocking(move || {
            let made = make(&manifest, &ground, received, &cancelled);
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

fn make(manifest: &Manifest, ground: &Ground, chunks: Chunks, cancelled: &AtomicBool) -> Result<(), Error> {
    let Manifest { id: _, image: _, sha256, size, unpacked, entries } = manifest;
    let expected = Expected { sha256: sha256.clone(), size: *size };
    let limits = Limits { max_bytes: *unpacked, max_entries: *entries };
    match ground {
        Ground::Upper(dir) => {
            clear(dir)?;
            unpack(chunks, dir, &expected, limits, Some(cancelled))?;
        }
        Ground::Root(dir) => drop(unpack_onto(chunks, dir, &expected, limits, Some(cancelled))?),
    }
    Ok(())
}
