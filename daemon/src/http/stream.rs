//! Arrays that are written while a walk goes on: a tree of a million files costs a few buffers.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_stream::wrappers::ReceiverStream;

use super::error::{ApiError, ApiResult};
use crate::files::FileResult;

const BUFFER: usize = 32 * 1024;
const BUFFERS: usize = 4;

/// File work, where it may block.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> FileResult<T> + Send + 'static) -> ApiResult<T> {
    let done = spawn_blocking(work).await.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(done?)
}

/// A JSON array between `before` and `after`. The iterator runs on a blocking thread, at the caller's
/// pace, and is dropped when the caller goes.
pub fn json_array<T, I>(before: &'static str, items: I, after: &'static str) -> Response
where
    T: Serialize,
    I: Iterator<Item = T> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel::<Bytes>(BUFFERS);
    spawn_blocking(move || write_array(before, items, after, &sender));
    let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

fn write_array<T: Serialize>(before: &str, items: impl Iterator<Item = T>, after: &str, sender: &mpsc::Sender<Bytes>) {
    let mut buffer = format!("{before}[").into_bytes();
    let mut first = true;
    for item in items {
        if !std::mem::take(&mut first) {
            buffer.push(b',');
        }
        if serde_json::to_writer(&mut buffer, &item).is_err() {
            // Nothing of ours fails to serialize; an unfinished array is at least no false answer.
            return;
        }
        if buffer.len() >= BUFFER && sender.blocking_send(std::mem::take(&mut buffer).into()).is_err() {
            return;
        }
    }
    buffer.push(b']');
    buffer.extend_from_slice(after.as_bytes());
    let _ = sender.blocking_send(buffer.into());
}
