//! `GET .../logs` of a command: at once or as it grows, as JSON, text, chunks or over a WebSocket.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, UPGRADE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{SinkExt, StreamExt, stream};
use paddock_wire::toolbox::session::{ENTRYPOINT_COMMAND, ENTRYPOINT_SESSION, STDERR_MARKER, STDOUT_MARKER};
use serde::Deserialize;

use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{PathParams, QueryParams};
use crate::http::sdk_version::Sdk;
use crate::http::stream::{blocking_pieces, quoted};
use crate::http::subprotocol::Offered;
use crate::http::websocket::{self, Upgrade, close};
use crate::session::follow::Follower;
use crate::session::view::{Text, View};
use crate::session::{Command, Stream};

/// A client looks for markers in each message as a whole, and takes the longer the more lines are in it.
const MESSAGE: usize = 1024;

/// Query of `/logs`.
#[derive(Debug, Default, Deserialize)]
pub struct Logs {
    #[serde(default)]
    follow: Option<String>,
}

/// What an SDK can read.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    both: View,
    /// Each stream by itself too.
    splits: bool,
}

impl Shape {
    /// For this one.
    pub fn of(sdk: Sdk) -> Self {
        let both = if sdk.wants_combined() { View::Combined } else { View::Marked };
        Self { both, splits: sdk.reads_json() }
    }
}

/// `GET /process/session/{id}/command/{cid}/logs`.
pub async fn of_command(
    State(daemon): State<Arc<Daemon>>,
    PathParams((id, command)): PathParams<(String, String)>,
    QueryParams(query): QueryParams<Logs>,
    sdk: Sdk,
    headers: HeaderMap,
    upgrade: Result<Upgrade, ApiError>,
) -> ApiResult<Response> {
    let command = daemon.sessions.get(&id)?.command(&command)?;
    answer(command, &query, sdk, &headers, upgrade).await
}

/// `GET /process/session/entrypoint/logs`.
pub async fn of_entrypoint(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<Logs>,
    sdk: Sdk,
    headers: HeaderMap,
    upgrade: Result<Upgrade, ApiError>,
) -> ApiResult<Response> {
    let command = daemon.sessions.get(ENTRYPOINT_SESSION)?.command(ENTRYPOINT_COMMAND)?;
    answer(command, &query, sdk, &headers, upgrade).await
}

async fn answer(
    command: Arc<Command>,
    query: &Logs,
    sdk: Sdk,
    headers: &HeaderMap,
    upgrade: Result<Upgrade, ApiError>,
) -> ApiResult<Response> {
    let (shape, follow) = (Shape::of(sdk), query.follow.as_deref() == Some("true"));
    if headers.contains_key(UPGRADE) {
        let follower = follow_log(command, shape.both, follow).await?;
        let version = Offered::in_headers(headers).choose();
        return Ok(upgrade?.speaking(version).on_upgrade(|socket| send(socket, follower)));
    }
    match (follow, shape.splits) {
        (true, _) => {
            let follower = follow_log(command, View::Combined, true).await?;
            Ok(([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(chunks(follower))).into_response())
        }
        (false, true) => json("{".to_owned(), command, shape).await,
        (false, false) => {
            let follower = follow_log(command, shape.both, false).await?;
            Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(chunks(follower))).into_response())
        }
    }
}

/// A JSON object: after `before`, the log under its keys.
pub async fn json(before: String, command: Arc<Command>, shape: Shape) -> ApiResult<Response> {
    let open = move || -> io::Result<Pieces> {
        let (log, length) = (&command.log, command.log.length());
        let mut parts = vec![literal(before), string(r#""output":"#, Text::open(log, length, shape.both)?)];
        if shape.splits {
            parts.push(string(r#","stdout":"#, Text::open(log, length, View::Only(Stream::Stdout))?));
            parts.push(string(r#","stderr":"#, Text::open(log, length, View::Only(Stream::Stderr))?));
        }
        parts.push(literal(if log.is_truncated() { r#","truncated":true}"# } else { "}" }));
        Ok(Box::new(parts.into_iter().flatten()))
    };
    let body = blocking_pieces(open).await.map_err(|error| gone(&error))?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

type Pieces = Box<dyn Iterator<Item = String> + Send>;

fn literal(text: impl Into<String>) -> Pieces {
    Box::new(std::iter::once(text.into()))
}

/// A member of an object.
fn string(key: &str, text: Text) -> Pieces {
    let inner = text.map(|piece| {
        let quoted = quoted(&piece);
        quoted[1..quoted.len() - 1].to_owned()
    });
    Box::new(literal(format!("{key}\"")).chain(inner).chain(literal("\"")))
}

async fn follow_log(command: Arc<Command>, view: View, waits: bool) -> ApiResult<Follower> {
    Follower::open(command, view, waits).await.map_err(|error| gone(&error))
}

fn gone(error: &io::Error) -> ApiError {
    ApiError::internal(format!("the log of this command cannot be read: {error}"))
}

fn chunks(follower: Follower) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(follower, |mut follower| async move { Some((Ok(Bytes::from(follower.next().await?)), follower)) })
}

async fn send(mut socket: WebSocket, follower: Follower) {
    if pass_on(&mut socket, follower).await.is_some() {
        websocket::end(&mut socket, close::NORMAL, "").await;
    }
}

/// All of it, in small messages; none if the client went away. What the client says is read and ignored, so that its
/// pings are answered.
async fn pass_on(socket: &mut WebSocket, mut follower: Follower) -> Option<()> {
    let (mut sink, mut client) = socket.split();
    let sending = async {
        while let Some(bytes) = follower.next().await {
            let mut bytes = Bytes::from(bytes);
            while !bytes.is_empty() {
                let message = bytes.split_to(message_length(&bytes));
                sink.feed(Message::Binary(message)).await.ok()?;
            }
            sink.flush().await.ok()?;
        }
        Some(())
    };
    let vanishing = async { while let Some(Ok(_)) = client.next().await {} };
    tokio::select! {
        sent = sending => sent,
        () = vanishing => None,
    }
}

/// No message ends with a marker: TypeScript SDKs up to 0.216 do not find it there.
fn message_length(bytes: &[u8]) -> usize {
    let most = bytes.len().min(MESSAGE);
    let is_marker = |byte: &u8| STDOUT_MARKER.contains(byte) || STDERR_MARKER.contains(byte);
    bytes[..most].iter().rposition(|byte| !is_marker(byte)).map_or(most, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_messages_end() {
        let long = |end: &[u8]| [&vec![b'a'; MESSAGE - end.len()], end, b"rest"].concat();
        for (bytes, expected) in [
            (b"abc".to_vec(), 3),
            (long(b"a"), MESSAGE),
            (long(b"\n\x01\x01\x01"), MESSAGE - 3),
            (long(b"\n\x02"), MESSAGE - 1),
            (vec![1; MESSAGE + 1], MESSAGE),
        ] {
            assert_eq!(message_length(&bytes), expected);
        }
    }
}
