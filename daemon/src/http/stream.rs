//! Answers that are written piece by piece: a tree of a million files costs a few buffers, and a text
//! whose every byte JSON spells with six costs no six times its memory.

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

/// A JSON object of which one member is a text: `before`, the text with its quotes, `after`.
pub fn json_text(before: String, text: String, after: String) -> Response {
    let content_type = [(CONTENT_TYPE, "application/json")];
    if text.len() <= BUFFER {
        return (content_type, format!("{before}{}{after}", quoted(&text))).into_response();
    }
    let mut done = 0;
    let pieces = std::iter::from_fn(move || {
        let end = text.floor_char_boundary(done + BUFFER).min(text.len());
        let piece = quoted(&text[done..end]);
        done = end;
        (piece.len() > 2).then(|| piece[1..piece.len() - 1].to_owned())
    });
    let parts = std::iter::once(before + "\"").chain(pieces).chain(std::iter::once(format!("\"{after}")));
    let body = Body::from_stream(futures::stream::iter(parts.map(Ok::<_, std::convert::Infallible>)));
    (content_type, body).into_response()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
