//! What a worker's processes print.

use std::future::pending;
use std::os::fd::AsFd;

use nix::errno::Errno;
use paddock_wire::toolbox::interpreter::{Frame, FrameKind};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::text::{Letters, messages};

/// Read at once, and the most that one message holds.
const PIECE: usize = 16 * 1024;
/// The largest pipe that the kernel lets an ordinary user make.
const LARGEST_PIPE: usize = 1024 * 1024;

/// Both streams.
#[derive(Debug)]
pub struct Printed {
    stdout: Stream,
    stderr: Stream,
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
        Self { stdout: Stream::new(FrameKind::Stdout, stdout), stderr: Stream::new(FrameKind::Stderr, stderr) }
    }

    /// Waits for more of either. Can be dropped while it waits.
    pub async fn next(&mut self) -> Vec<Frame> {
        let Self { stdout, stderr } = self;
        tokio::select! {
            frames = stdout.next() => frames,
            frames = stderr.next() => frames,
        }
    }

    /// What is in the pipes now, and the ends of letters: nothing that comes later belongs to it.
    pub fn rest(&mut self) -> Vec<Frame> {
        let Self { stdout, stderr } = self;
        [stdout, stderr].into_iter().flat_map(Stream::rest).collect()
    }
}

impl Stream {
    fn new(kind: FrameKind, pipe: pipe::Receiver) -> Self {
        Self { kind, pipe: Some(pipe), piece: vec![0; PIECE], letters: Letters::default() }
    }

    async fn next(&mut self) -> Vec<Frame> {
        let Some(pipe) = &mut self.pipe else { return pending().await };
        let text = match pipe.read(&mut self.piece).await {
            Ok(length) if length > 0 => self.letters.push(&self.piece[..length]),
            _ => {
                self.pipe = None;
                self.letters.end()
            }
        };
        self.frames(text)
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
