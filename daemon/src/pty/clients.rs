//! Who is attached to a terminal. Each has a queue of its own; one that stays full makes the others wait for a moment, and
//! then its client is let go.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::watch;
use tokio::time::timeout;

use super::terminal::Exit;
use crate::lock::lock;

/// Chunks of output that a client may lag behind.
const QUEUE: usize = 256;
/// Then it has so long to take one.
const PATIENCE: Duration = Duration::from_secs(2);

/// A client's end.
#[derive(Debug)]
pub struct Attachment {
    /// What the terminal prints; after the last, `parting` tells why it is the last.
    pub output: mpsc::Receiver<Bytes>,
    pub parting: watch::Receiver<Option<Parting>>,
    /// What the client types.
    pub input: mpsc::Sender<Bytes>,
}

/// Why there is no more output.
#[derive(Debug, Clone, Copy)]
pub enum Parting {
    Exited(Exit),
    /// The client did not keep up.
    TooSlow,
}

/// All that are attached.
#[derive(Debug, Default)]
pub struct Clients(Mutex<Vec<Client>>);

#[derive(Debug)]
struct Client {
    output: mpsc::Sender<Bytes>,
    parting: watch::Sender<Option<Parting>>,
}

impl Clients {
    /// One more.
    pub fn add(&self, input: mpsc::Sender<Bytes>) -> Attachment {
        let (output, receiver) = mpsc::channel(QUEUE);
        let (parting, told) = watch::channel(None);
        lock(&self.0).push(Client { output, parting });
        Attachment { output: receiver, parting: told, input }
    }

    /// Gives a chunk to all, in the order of the calls.
    pub async fn pass(&self, chunk: Bytes) {
        for client in self.offer(&chunk) {
            match timeout(PATIENCE, client.output.send(chunk.clone())).await {
                Ok(Ok(())) => lock(&self.0).push(client),
                // It went away.
                Ok(Err(_)) => {}
                Err(_) => {
                    client.parting.send_replace(Some(Parting::TooSlow));
                }
            }
        }
    }

    /// Returns those that have no room.
    fn offer(&self, chunk: &Bytes) -> Vec<Client> {
        let mut clients = lock(&self.0);
        let (mut kept, mut full) = (Vec::new(), Vec::new());
        for client in clients.drain(..) {
            match client.output.try_send(chunk.clone()) {
                Ok(()) => kept.push(client),
                Err(TrySendError::Full(_)) => full.push(client),
                Err(TrySendError::Closed(_)) => {}
            }
        }
        *clients = kept;
        full
    }

    /// Tells all, after what was passed to them.
    pub fn part(&self, exit: Exit) {
        for client in lock(&self.0).drain(..) {
            client.parting.send_replace(Some(Parting::Exited(exit)));
        }
    }
}
