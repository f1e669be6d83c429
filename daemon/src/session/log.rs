//! What a command printed, on disk: a sequence of frames, each of one stream. The two streams stay apart byte by byte,
//! whatever is in them. The file is the tenant's to spoil; what is no frame ends the reading.

use std::fs::File;
use std::io::{self, BufReader, Read, Take};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tracing::warn;

/// Bytes of one frame.
pub const FRAME: usize = 64 * 1024;
/// Stream and length.
const HEAD: usize = 5;

/// One of a command's two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// A command's log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    /// Until nobody can print any more.
    writer: Mutex<Option<Arc<File>>>,
    /// Whole frames in the file.
    length: watch::Sender<u64>,
    lost: AtomicU64,
}

/// A log that is being read, frame by frame.
#[derive(Debug)]
pub struct Frames {
    file: BufReader<Take<File>>,
    known: u64,
}

impl Log {
    /// An empty one.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        let file = File::create_new(&path)?;
        let writer = Mutex::new(Some(Arc::new(file)));
        Ok(Self { path, writer, length: watch::Sender::new(0), lost: AtomicU64::new(0) })
    }

    /// Adds what was printed. What the disk does not take is lost, and counted.
    pub async fn append(&self, stream: Stream, bytes: &[u8]) {
        let writer = self.writer.lock().await;
        for part in bytes.chunks(FRAME) {
            let Some(file) = writer.clone() else { return self.lose(part, "the log is closed") };
            let at = self.length();
            let frame = frame(stream, part);
            let length = frame.len() as u64;
            match spawn_blocking(move || file.write_all_at(&frame, at)).await {
                Ok(Ok(())) => self.length.send_modify(|end| *end += length),
                Ok(Err(error)) => self.lose(part, &error.to_string()),
                Err(error) => self.lose(part, &error.to_string()),
            }
        }
    }

    fn lose(&self, part: &[u8], why: &str) {
        if self.lost.fetch_add(part.len() as u64, Ordering::Relaxed) == 0 {
            warn!(log = %self.path.display(), why, "output of a command is lost");
        }
    }

    /// Nothing comes any more.
    pub async fn close(&self) {
        self.writer.lock().await.take();
    }

    /// Whether something is missing.
    pub fn is_truncated(&self) -> bool {
        self.lost.load(Ordering::Relaxed) > 0
    }

    /// Tells of each frame that was added.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.length.subscribe()
    }

    /// What is its end now.
    pub fn length(&self) -> u64 {
        *self.length.borrow()
    }

    /// From the start to an end that was once told.
    pub fn frames(&self, length: u64) -> io::Result<Frames> {
        let known = length;
        Ok(Frames { file: BufReader::new(File::open(&self.path)?.take(known)), known })
    }
}

impl Frames {
    /// Reads on to what is the end now.
    pub fn extend(&mut self, log: &Log) {
        let now = log.length();
        let take = self.file.get_mut();
        take.set_limit(take.limit() + now.saturating_sub(self.known));
        self.known = now.max(self.known);
    }
}

impl Iterator for Frames {
    type Item = (Stream, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut head = [0; HEAD];
        self.file.read_exact(&mut head).ok()?;
        let [kind, length @ ..] = head;
        let stream = match kind {
            1 => Stream::Stdout,
            2 => Stream::Stderr,
            _ => return None,
        };
        let length = usize::try_from(u32::from_le_bytes(length)).ok().filter(|length| *length <= FRAME)?;
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).ok()?;
        Some((stream, bytes))
    }
}

fn frame(stream: Stream, part: &[u8]) -> Vec<u8> {
    let kind = match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    };
    // A part is at most FRAME long.
    let length = u32::try_from(part.len()).unwrap_or_default();
    let mut frame = Vec::with_capacity(HEAD + part.len());
    frame.push(kind);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(part);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_as_they_were_added() {
        let dir = tempfile::tempdir().expect("temp dir");
        let log = Log::create(dir.path().join("log")).expect("created");
        log.append(Stream::Stdout, b"\x02\x02\x02a").await;
        let mut frames = log.frames(log.length()).expect("opened");
        assert_eq!(frames.next(), Some((Stream::Stdout, b"\x02\x02\x02a".to_vec())));
        assert_eq!(frames.next(), None);
        log.append(Stream::Stderr, &vec![b'x'; FRAME + 1]).await;
        assert_eq!(frames.next(), None, "it ends where it was told");
        frames.extend(&log);
        assert_eq!(frames.next(), Some((Stream::Stderr, vec![b'x'; FRAME])));
        assert_eq!(frames.next(), Some((Stream::Stderr, b"x".to_vec())));
        assert_eq!(frames.next(), None);
        log.close().await;
        log.append(Stream::Stdout, b"late").await;
        assert!(log.is_truncated());
    }

    #[tokio::test]
    async fn a_spoilt_file_ends() {
        let dir = tempfile::tempdir().expect("temp dir");
        let log = Log::create(dir.path().join("log")).expect("created");
        log.append(Stream::Stdout, &[b'a'; 100]).await;
        for spoilt in [&b"\x09"[..], b"\x01\xff\xff\xff\xff", b"\x01\x10\x00\x00\x00short", b""] {
            std::fs::write(dir.path().join("log"), spoilt).expect("written");
            assert_eq!(log.frames(log.length()).expect("opened").next(), None);
        }
        std::fs::remove_file(dir.path().join("log")).expect("removed");
        assert!(log.frames(log.length()).is_err());
    }
}
