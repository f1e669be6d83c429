//! One part of an upload.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path, sync::Arc, time::Duration};

use aws_lc_rs::digest::{Context, SHA256};
use reqwest::{
    Body, StatusCode,
    header::{CONTENT_LENGTH, ETAG},
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{
    CaptureError,
    retry::Backoff,
    spool::Part,
    upload::{Begun, on_disk},
};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// A part has this long, and a second more for each 100 kB: then the connection is as good as lost.
const PUT_TIMEOUT: Duration = Duration::from_secs(60);
const SLOWEST_BYTES_PER_SECOND: u64 = 100_000;

/// Why a part is not there.
enum Refusal {
    /// The connection, the time, or S3 in trouble.
    Again(String),
    /// The URL is too old.
    Expired,
    /// S3 does not know the upload.
    Gone,
    /// S3 never takes it.
    Final(String),
}

/// Sends a part unless it is there already, and says how many bytes that took.
pub async fn send(begun: Arc<Begun>, number: u32, length: u64) -> Result<u64, CaptureError> {
    let upload = &begun.upload;
    let (path, offset) = (upload.file.clone(), begun.offset(number));
    let sha256 = on_disk(upload, move || digest(&path, offset, length)).await?;
    if upload.journal.record().parts.get(&number).is_some_and(|part| part.sha256 == sha256) {
        return Ok(0);
    }
    let etag = put_until_done(&begun, number, length).await?;
    let journal = Arc::clone(&upload.journal);
    on_disk(upload, move || journal.add(number, Part { etag, sha256 })).await?;
    Ok(length)
}

async fn put_until_done(begun: &Begun, number: u32, length: u64) -> Result<String, CaptureError> {
    let mut backoff = Backoff::default();
    loop {
        let url = begun.url(number).await?;
        let reason = match put(begun, &url, begun.offset(number), length).await {
            Ok(etag) => return Ok(etag),
            Err(Refusal::Final(reason)) => return Err(CaptureError::Failed(reason)),
            Err(Refusal::Gone) => {
                let journal = Arc::clone(&begun.upload.journal);
                on_disk(&begun.upload, move || journal.change(|record| record.upload = None)).await?;
                return Err(CaptureError::Unavailable("S3 no longer knows the upload".to_owned()));
            }
            Err(Refusal::Expired) => {
                begun.forget_url(number, &url).await;
                "S3 refuses the URL of a part".to_owned()
            }
            Err(Refusal::Again(reason)) => reason,
        };
        tracing::debug!(capture = %begun.upload.wanted.id, number, reason, "a part was not taken");
        if !backoff.again().await {
            return Err(CaptureError::Unavailable(reason));
        }
    }
}

/// The `ETag`, as S3 answered it.
async fn put(begun: &Begun, url: &str, offset: u64, length: u64) -> Result<String, Refusal> {
    let body = body(&begun.upload.file, offset, length).await.map_err(|error| Refusal::Final(error.to_string()))?;
    let timeout = PUT_TIMEOUT + Duration::from_secs(length / SLOWEST_BYTES_PER_SECOND);
    let request = begun.upload.http.put(url).header(CONTENT_LENGTH, length).timeout(timeout).body(body);
    // The URL is a secret.
    let again = |error: reqwest::Error| Refusal::Again(format!("S3: {}", describe(error)));
    let response = request.send().await.map_err(again)?;
    let status = response.status();
    if status.is_success() {
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
        return etag.map(str::to_owned).ok_or_else(|| Refusal::Again("S3 answered without an ETag".to_owned()));
    }
    let text = response.text().await.unwrap_or_default();
    let reason = format!("S3 answered {status} to a part");
    Err(match status {
        StatusCode::FORBIDDEN => Refusal::Expired,
        StatusCode::NOT_FOUND => Refusal::Gone,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Refusal::Again(reason),
        // Its word for a body that came too slowly.
        StatusCode::BAD_REQUEST if text.contains("RequestTimeout") => Refusal::Again(reason),
        status if status.is_server_error() => Refusal::Again(reason),
        _ => Refusal::Final(reason),
    })
}

/// Without its URL, but with what caused it.
pub fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

async fn body(path: &Path, offset: u64, length: u64) -> io::Result<Body> {
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(io::SeekFrom::Start(offset)).await?;
    Ok(Body::wrap_stream(ReaderStream::with_capacity(file.take(length), CHUNK)))
}

fn digest(path: &Path, offset: u64, length: u64) -> io::Result<String> {
    let file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; CHUNK];
    let mut done = 0;
    while done < length {
        let wanted = usize::try_from(length - done).map_or(CHUNK, |left| left.min(CHUNK));
        let chunk = &mut buffer[..wanted];
        file.read_exact_at(chunk, offset + done)?;
        context.update(chunk);
        done += wanted as u64;
    }
    Ok(hex::encode(context.finish()))
}
