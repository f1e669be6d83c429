//! `POST /files/bulk-download`: one multipart part per path, a file or the error it met.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use paddock_wire::toolbox::files::{BulkDownload, DOWNLOAD_BOUNDARY};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tracing::warn;

use super::disposition::of_part;
use crate::files::FileError;
use crate::files::download::Download;
use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::JsonBody;

const CHUNKS_AHEAD: usize = 2;

pub async fn bulk_download(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<BulkDownload>,
) -> ApiResult<Response> {
    if request.paths.is_empty() {
        let message = "request body must be {\"paths\": [...]} and non-empty";
        return Err(ApiError::bad_request(message).with("error", message.into()));
    }
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::spawn(async move { Parts { sender }.send_all(&daemon, &request.paths).await });
    let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>));
    let content_type = format!("multipart/form-data; boundary={DOWNLOAD_BOUNDARY}");
    Ok(([(CONTENT_TYPE, content_type)], body).into_response())
}

/// Why the body ends without its closing boundary, by which clients know that something is missing.
enum Cut {
    CallerGone,
    Unreadable(FileError),
}

struct Parts {
    sender: mpsc::Sender<Bytes>,
}

impl Parts {
    async fn send_all(&self, daemon: &Daemon, paths: &[String]) {
        for path in paths {
            let opened = match daemon.resolve(path) {
                Ok(resolved) => Download::open(&resolved).await,
                Err(error) => Err(error),
            };
            let sent = match opened {
                Ok(download) => self.send_file(path, download).await,
                Err(error) => self.send_error(path, error).await,
            };
            match sent {
                Ok(()) => {}
                Err(Cut::CallerGone) => return,
                Err(Cut::Unreadable(error)) => return warn!(%error, "bulk download cut short"),
            }
        }
        let _ = self.send(format!("--{DOWNLOAD_BOUNDARY}--\r\n")).await;
    }

    async fn send_file(&self, path: &str, mut download: Download) -> Result<(), Cut> {
        // The first piece comes before the header: a file that cannot be read at all is an error part,
        // and a size of 0 is true only if nothing comes.
        let limit = if download.size > 0 { download.size } else { u64::MAX };
        let mut chunk = match download.next(limit).await {
            Ok(chunk) => chunk,
            Err(error) => return self.send_error(path, error).await,
        };
        let kind = mime_guess::from_path(Path::new(path)).first_or_octet_stream();
        let mut header = part_header("file", path, kind.as_ref());
        if download.size > 0 || chunk.is_empty() {
            header += &format!("Content-Length: {}\r\n", download.size);
        }
        self.send(header + "\r\n").await?;
        let mut left = limit;
        while !chunk.is_empty() {
            left -= chunk.len() as u64;
            self.send(chunk).await?;
            chunk = download.next(left).await.map_err(Cut::Unreadable)?;
        }
        if download.size > 0 && left > 0 {
            let error = std::io::Error::other("the file became shorter");
            return Err(Cut::Unreadable(FileError::Read(path.into(), error)));
        }
        self.send("\r\n").await
    }

    async fn send_error(&self, path: &str, error: FileError) -> Result<(), Cut> {
        let body = ApiError::from(as_read_error(error)).body(path, &Method::POST).to_string();
        let header = part_header("error", path, "application/json; charset=utf-8");
        self.send(format!("{header}Content-Length: {}\r\n\r\n{body}\r\n", body.len())).await
    }

    async fn send(&self, bytes: impl Into<Bytes>) -> Result<(), Cut> {
        self.sender.send(bytes.into()).await.map_err(|_| Cut::CallerGone)
    }
}

fn part_header(name: &str, path: &str, content_type: &str) -> String {
    let filename = of_part(path);
    format!(
        "--{DOWNLOAD_BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; {filename}\r\n\
         Content-Type: {content_type}\r\n"
    )
}

/// What is no matter of existence, permission or kind is a failure to read.
fn as_read_error(error: FileError) -> FileError {
    match error {
        FileError::Io(path, error) => FileError::Read(path, error),
        other => other,
    }
}
