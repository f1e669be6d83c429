//! One command of a session: its files, its input, its end.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;

use super::folders::Folder;
use super::log::{Log, Stream};
use super::{Request, SessionError, SessionResult};

/// Kept of a command's text, for those who ask; all of it is in the file.
const TEXT_KEPT: usize = 16 * 1024;

/// A command, from the time it was given to a session.
#[derive(Debug)]
pub struct Command {
    pub id: String,
    /// Without the end of a very long one.
    pub text: String,
    pub is_async: bool,
    pub log: Arc<Log>,
    echo: bool,
    files: Files,
    end: watch::Sender<Option<End>>,
    /// Where input goes, until the end.
    stdin: Mutex<Option<pipe::Sender>>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Exited(i32),
    /// Its session ended first.
    NeverBegan,
}

/// A command's folder.
#[derive(Debug, Clone)]
pub struct Files(PathBuf);

impl Files {
    /// What the shell reads as its script.
    pub fn text(&self) -> PathBuf {
        self.0.join("cmd.sh")
    }

    /// The command's streams.
    pub fn stdin(&self) -> PathBuf {
        self.0.join("stdin.pipe")
    }

    pub fn stdout(&self) -> PathBuf {
        self.0.join("stdout.pipe")
    }

    pub fn stderr(&self) -> PathBuf {
        self.0.join("stderr.pipe")
    }

    fn log(&self) -> PathBuf {
        self.0.join("output.log")
    }
}

impl Command {
    /// With all its files, so that input and readers of the log need not wait until it begins.
    pub fn create(id: String, request: Request, folder: &Folder) -> SessionResult<Self> {
        let Request { mut text, is_async, echo } = request;
        let files = Files(folder.0.join(&id));
        let create = || -> io::Result<_> {
            fs::create_dir(&files.0)?;
            // Some shells ignore a last line that does not end.
            fs::write(files.text(), [text.as_bytes(), b"\n"].concat())?;
            let pipes = [Some(files.stdout()), Some(files.stderr()), is_async.then(|| files.stdin())];
            for pipe in pipes.into_iter().flatten() {
                mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
            }
            // Open for both: there is no reader yet, and none must be able to end it.
            let stdin = is_async.then(|| pipe::OpenOptions::new().read_write(true).open_sender(files.stdin()));
            Ok((Log::create(files.log())?, stdin.transpose()?))
        };
        let (log, stdin) = create().map_err(|error| {
            let _ = fs::remove_dir_all(&files.0);
            SessionError::Internal(format!("the files of a command in {}: {error}", folder.0.display()))
        })?;
        if text.len() > TEXT_KEPT {
            text.truncate(text.floor_char_boundary(TEXT_KEPT));
            text.push('…');
            text.shrink_to_fit();
        }
        let end = watch::Sender::new(None);
        Ok(Self { id, text, is_async, log: Arc::new(log), echo, files, end, stdin: Mutex::new(stdin) })
    }

    /// Where its files are.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<End> {
        *self.end.borrow()
    }

    /// As the wire has it; absent until the end.
    pub fn exit_code(&self) -> Option<i32> {
        self.end().map(|end| match end {
            End::Exited(code) => code,
            End::NeverBegan => -1,
        })
    }

    /// Waits for the end.
    pub async fn ended(&self) -> End {
        let mut end = self.end.subscribe();
        let ended = end.wait_for(Option::is_some).await.ok().and_then(|end| *end);
        ended.unwrap_or(End::NeverBegan)
    }

    /// Says that it ended, to all who wait.
    pub async fn finish(&self, end: End) {
        self.end.send_replace(Some(end));
        // Readers in the background see the end of their input.
        self.stdin.lock().await.take();
        let files = self.files.clone();
        // The shell has opened what it needs; only the log is for later.
        spawn_blocking(move || {
            for used in [files.text(), files.stdin(), files.stdout(), files.stderr()] {
                let _ = fs::remove_file(used);
            }
        });
    }

    /// Gives a line to what it reads. Waits while it reads nothing and the pipe is full, but not beyond its end.
    pub async fn input(self: &Arc<Self>, mut data: String) -> SessionResult<()> {
        if self.end().is_some() {
            return Err(SessionError::Completed);
        }
        if !self.is_async {
            return Err(SessionError::NoInput);
        }
        if !data.ends_with('\n') {
            data.push('\n');
        }
        let command = Arc::clone(self);
        // A task of its own: a caller who hangs up leaves no half of a line.
        let writing = tokio::spawn(async move { command.write(data.as_bytes()).await });
        writing.await.map_err(|error| SessionError::Internal(error.to_string()))?
    }

    async fn write(&self, data: &[u8]) -> SessionResult<()> {
        let writing = async {
            let mut stdin = self.stdin.lock().await;
            let stdin = stdin.as_mut().ok_or(SessionError::Completed)?;
            if self.echo {
                self.log.append(Stream::Stdout, data).await;
            }
            stdin.write_all(data).await.map_err(|error| SessionError::Internal(error.to_string()))
        };
        tokio::select! {
            written = writing => written,
            _ = self.ended() => Err(SessionError::Completed),
        }
    }

    /// Removes what it has on disk. It is over, or was never begun.
    pub fn forget(&self) {
        let files = self.files.clone();
        spawn_blocking(move || fs::remove_dir_all(&files.0));
    }
}
