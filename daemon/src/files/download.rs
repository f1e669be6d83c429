//! A file into a stream, whole or in part.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use time::OffsetDateTime;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::spawn_blocking;

use super::error::{FileError, FileResult};
use super::info::modified;
use super::open;

/// Large enough that the hop to a blocking thread does not show.
const CHUNK: usize = 256 * 1024;

/// A file that is being read.
#[derive(Debug)]
pub struct Download {
    path: PathBuf,
    file: File,
    /// As the file system tells; 0 for files that the kernel makes up while they are read.
    pub size: u64,
    /// For `Last-Modified`.
    pub modified: OffsetDateTime,
}

/// What a `Range` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Whole,
    /// First and last byte, inclusive.
    Part(u64, u64),
    Unsatisfiable,
}

impl Download {
    /// A regular file.
    pub async fn open(path: &Path) -> FileResult<Self> {
        let path = path.to_path_buf();
        let opened = spawn_blocking(move || open::read(&path).map(|opened| (path, opened)));
        let (path, (file, metadata)) = opened.await.map_err(|error| FileError::Argument(error.to_string()))??;
        Ok(Self { path, file: File::from_std(file), size: metadata.len(), modified: modified(&metadata) })
    }

    /// Goes to a byte.
    pub async fn seek(&mut self, first: u64) -> FileResult<()> {
        let sought = self.file.seek(SeekFrom::Start(first)).await;
        sought.map(|_| ()).map_err(|error| FileError::Read(self.path.clone(), error))
    }

    /// The next piece of at most `limit` bytes; empty at the end.
    pub async fn next(&mut self, limit: u64) -> FileResult<Bytes> {
        let mut chunk = BytesMut::with_capacity(usize::try_from(limit).unwrap_or(CHUNK).min(CHUNK));
        let read = (&mut self.file).take(limit).read_buf(&mut chunk).await;
        read.map_err(|error| FileError::Read(self.path.clone(), error))?;
        Ok(chunk.freeze())
    }

    /// The rest, up to `limit` bytes.
    pub fn into_stream(self, limit: u64) -> impl futures::Stream<Item = io::Result<Bytes>> {
        futures::stream::try_unfold((self, limit), async |(mut download, left)| {
            let chunk = download.next(left).await.map_err(io::Error::other)?;
            let left = left - chunk.len() as u64;
            Ok((!chunk.is_empty()).then_some((chunk, (download, left))))
        })
    }
}

/// Reads a `Range` header. One range is answered; several, and what is no range of bytes, may be
/// answered with the whole by the rules of HTTP.
pub fn span(header: Option<&str>, size: u64) -> Span {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else { return Span::Whole };
    let Some((first, last)) = range.split_once('-').filter(|_| !range.contains(',')) else { return Span::Whole };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            None => Span::Whole,
            Some(length) if length == 0 || size == 0 => Span::Unsatisfiable,
            Some(length) => Span::Part(size.saturating_sub(length), size - 1),
        },
        (first, last) => match (number(first), number(last), last.is_empty()) {
            (Some(first), _, true) if first < size => Span::Part(first, size - 1),
            (Some(first), Some(last), _) if last < first => Span::Whole,
            (Some(first), Some(last), _) if first < size => Span::Part(first, last.min(size - 1)),
            (Some(_), Some(_), _) | (Some(_), _, true) => Span::Unsatisfiable,
            _ => Span::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (header, expected) in [
            ("bytes=0-0", Span::Part(0, 0)),
            ("bytes=2-", Span::Part(2, 9)),
            ("bytes=5-100", Span::Part(5, 9)),
            ("bytes=-3", Span::Part(7, 9)),
            ("bytes=-30", Span::Part(0, 9)),
            ("bytes=10-", Span::Unsatisfiable),
            ("bytes=10-12", Span::Unsatisfiable),
            ("bytes=-0", Span::Unsatisfiable),
            ("bytes=5-4", Span::Whole),
            ("bytes=0-1,4-5", Span::Whole),
            ("bytes=a-b", Span::Whole),
            ("lines=1-2", Span::Whole),
        ] {
            assert_eq!(span(Some(header), 10), expected, "{header}");
        }
        assert_eq!(span(None, 10), Span::Whole);
        assert_eq!(span(Some("bytes=0-"), 0), Span::Unsatisfiable);
    }
}
