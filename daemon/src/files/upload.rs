//! A stream into a file.

use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::task::spawn_blocking;

use super::error::{FileError, FileResult};
use super::open;

/// The network's pieces are small for the hop to a blocking thread that each write is.
const BUFFER: usize = 512 * 1024;

/// A file that is being written.
#[derive(Debug)]
pub struct Upload {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

impl Upload {
    /// Makes missing parents; an existing file is written anew.
    pub async fn create(path: &Path) -> FileResult<Self> {
        let path = path.to_path_buf();
        let made = spawn_blocking(move || open::create(&path).map(|file| (path, file)));
        let (path, file) = made.await.map_err(|error| FileError::Argument(error.to_string()))??;
        Ok(Self { path, file: BufWriter::with_capacity(BUFFER, File::from_std(file)), bytes: 0 })
    }

    /// Adds.
    pub async fn write(&mut self, chunk: &[u8]) -> FileResult<()> {
        self.file.write_all(chunk).await.map_err(FileError::at(&self.path))?;
        self.bytes += chunk.len() as u64;
        Ok(())
    }

    /// Waits for the last write; returns how many bytes were written.
    pub async fn finish(mut self) -> FileResult<u64> {
        self.file.flush().await.map_err(FileError::at(&self.path))?;
        Ok(self.bytes)
    }
}
