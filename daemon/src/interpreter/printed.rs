//! What a worker's processes print.

use std::future::pending;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use paddock_wire::toolbox::interpreter::{Frame, FrameKind};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep_until};

use super::text::{Letters, messages};

/// Read at once, and the most that one message holds.
const PIECE: usize = 16 * 1024;
/// Who prints small pieces without end has them gathered for so long: clients take as long for a small message as for a
/// large one, and an answer to their ping would stand behind thousands.
const PACE: Duration = Duration::from_millis(2);
/// Pieces that are sent at once nevertheless; one comes back with each pace.
const AT_ONCE: u32 = 64;
/// The largest pipe that the kernel lets an ordinary user make.
const LARGEST_PIPE: usize = 1024 * 1024;

/// Both streams.
#[derive(Debug)]
pub struct Printed {
    stdout: Stream,
    stderr: Stream,
    pace: Pace,
}

#[derive(Debug)]
struct Pace {
    last: Instant,
    at_once: u32,
}

#[derive(Debug)]
struct Stream {
    kind: FrameKind,
    /// None when nobody can write to it any more.
    pipe: Option<pipe::Receiver>,
    piece: Vec<u8>,
    letters: Letters,
}

impl Printed {
    pub fn new(stdout: pipe::Receiver, stderr: pipe::Receiver) -> Self {
        let pace = Pace { last: Instant::now(), at_once: AT_ONCE };
        let (stdout, stderr) = (Stream::new(FrameKind::Stdout, stdout), Stream::new(FrameKind::Stderr, stderr));
        Self { stdout, stderr, pace }
    }

    /// Waits for more of either. Can be dropped while it waits.
    pub async fn next(&mut self) -> Vec<Frame> {
        let Self { stdout, stderr, pace } = self;
        pace.wait().await;
        let (length, frames) = tokio::select! {
            read = stdout.next() => read,
            read = stderr.next() => read,
        };
        pace.count(length);
        frames
    }

    /// What is in the pipes now, and the ends of letters: nothing that comes later belongs to it.
    pub fn rest(&mut self) -> Vec<Frame> {
        let Self { stdout, stderr, .. } = self;
        [stdout, stderr].into_iter().flat_map(Stream::rest).collect()
    }
}

impl Pace {
    async fn wait(&self) {
        if self.at_once == 0 {
            sleep_until(self.last + PACE).await;
        }
    }

    /// A piece of this length was read.
    fn count(&mut self, length: usize) {
        // A full one means that there is more than enough.
        if length == PIECE {
            return;
        }
        let paces = self.last.elapsed().as_millis() / PACE.as_millis();
        let back = u32::try_from(paces).unwrap_or(AT_ONCE);
        self.at_once = self.at_once.saturating_add(back).min(AT_ONCE).saturating_sub(1);
        self.last = Instant::now();
    }
}

impl Stream {
    fn new(kind: FrameKind, pipe: pipe::Receiver) -> Self {
        Self { kind, pipe: Some(pipe), piece: vec![0; PIECE], letters: Letters::default() }
    }

    /// Also how many bytes it read.
    async fn next(&mut self) -> (usize, Vec<Frame>) {
        let Some(pipe) = &mut self.pipe else { return pending().await };
        let length = pipe.read(&mut self.piece).await.unwrap_or_default();
        let text = if length > 0 {
            self.letters.push(&self.piece[..length])
        } else {
            self.pipe = None;
            self.letters.end()
        };
        (length, self.frames(text))
    }

    fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut total = 0;
        // Who prints on in the background must not hold up the end.
        while total < LARGEST_PIPE
            && let Some(pipe) = &self.pipe
        {
            // Not by way of the runtime, which may not know yet that there is something to read.
            match nix::unistd::read(pipe.as_fd(), &mut self.piece) {
                Ok(0) => self.pipe = None,
                Ok(length) => {
                    total += length;
                    let text = self.letters.push(&self.piece[..length]);
                    frames.extend(self.frames(text));
                }
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        let last = self.letters.end();
        frames.extend(self.frames(last));
        frames
    }

    fn frames(&self, text: String) -> Vec<Frame> {
        messages(text).into_iter().map(|text| Frame::output(self.kind, text)).collect()
    }
}
