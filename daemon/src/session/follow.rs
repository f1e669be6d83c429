//! A log that grows, read for one caller as fast as he takes it.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::command::Command;
use super::log::{FRAME, Frames};
use super::view::{View, Viewer};

/// A reader of a log.
#[derive(Debug)]
pub struct Follower {
    command: Arc<Command>,
    reader: Option<(Frames, Viewer)>,
    changes: watch::Receiver<u64>,
    /// Whether to wait for what comes.
    waits: bool,
}

impl Follower {
    /// From the start of the command's log, to what is its end now or, when it waits, until the command's end.
    pub async fn open(command: Arc<Command>, view: View, waits: bool) -> io::Result<Self> {
        let changes = command.log.changes();
        let log = Arc::clone(&command.log);
        let frames = spawn_blocking(move || log.frames(log.length())).await.map_err(io::Error::other)??;
        Ok(Self { command, reader: Some((frames, Viewer::new(view))), changes, waits })
    }

    /// The next bytes; none after the end.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            // Before the reading: what was printed before the end is read before it.
            let is_last = !self.waits || self.command.end().is_some();
            self.changes.mark_unchanged();
            let (mut frames, mut viewer) = self.reader.take()?;
            if self.waits {
                frames.extend(&self.command.log);
            }
            let read = spawn_blocking(move || {
                let mut seen = Vec::new();
                while seen.len() < FRAME
                    && let Some((stream, bytes)) = frames.next()
                {
                    viewer.show(stream, &bytes, &mut seen);
                }
                (seen, frames, viewer)
            });
            let (seen, frames, viewer) = read.await.ok()?;
            if seen.is_empty() && is_last {
                return None;
            }
            self.reader = Some((frames, viewer));
            if !seen.is_empty() {
                return Some(seen);
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                _ = self.command.ended() => {}
            }
        }
    }
}
