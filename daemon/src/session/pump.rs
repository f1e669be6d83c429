//! From a command's pipes to its log. It goes on for as long as anybody holds the pipes open, be it longer than the command.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::command::Command;
use super::log::{FRAME, Log, Stream};

/// What a shell does not wait for, as in `> >(tee file)`, has so long to print its last.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A pump at work.
#[derive(Debug)]
pub struct Pump {
    /// Our own writing ends: without them a pipe would seem to end before the shell has opened it.
    keepers: [pipe::Sender; 2],
    done: oneshot::Sender<()>,
    dry: oneshot::Receiver<()>,
}

impl Pump {
    /// Opens the command's pipes and begins.
    pub fn start(command: &Command) -> io::Result<Self> {
        let (stdout, keeper) = open(&command.files().stdout())?;
        let (stderr, other) = open(&command.files().stderr())?;
        let (done, told) = oneshot::channel();
        let (tell, dry) = oneshot::channel();
        tokio::spawn(pump(stdout, stderr, Arc::clone(&command.log), told, tell));
        Ok(Self { keepers: [keeper, other], done, dry })
    }

    /// The command is done: returns when all it printed is in the log.
    pub async fn settle(self) {
        let Self { keepers, done, dry } = self;
        drop(keepers);
        let _ = done.send(());
        let _ = dry.await;
    }
}

fn open(pipe: &Path) -> io::Result<(pipe::Receiver, pipe::Sender)> {
    let options = pipe::OpenOptions::new();
    let receiver = options.open_receiver(pipe)?;
    Ok((receiver, options.open_sender(pipe)?))
}

async fn pump(
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    log: Arc<Log>,
    done: oneshot::Receiver<()>,
    dry: oneshot::Sender<()>,
) {
    let settled = async {
        let _ = done.await;
        sleep(LAST_WORDS).await;
    };
    tokio::pin!(settled);
    let (mut stdout, mut stderr, mut dry) = (Some(stdout), Some(stderr), Some(dry));
    let (mut out, mut err) = (vec![0; FRAME], vec![0; FRAME]);
    while stdout.is_some() || stderr.is_some() {
        tokio::select! {
            // In this order: the last branch has its turn only when there is nothing to read.
            biased;
            length = read(&mut stdout, &mut out) => pass(length, &out, Stream::Stdout, &log, &mut stdout).await,
            length = read(&mut stderr, &mut err) => pass(length, &err, Stream::Stderr, &log, &mut stderr).await,
            () = &mut settled, if dry.is_some() => drop(dry.take()),
        }
    }
    log.close().await;
}

/// Never completes when the pipe has ended.
async fn read(pipe: &mut Option<pipe::Receiver>, chunk: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(chunk).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

async fn pass(length: usize, chunk: &[u8], stream: Stream, log: &Log, pipe: &mut Option<pipe::Receiver>) {
    match length {
        0 => *pipe = None,
        _ => log.append(stream, &chunk[..length]).await,
    }
}
