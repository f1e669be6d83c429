//! `GET /process/interpreter/execute`, a WebSocket: the client's first message is the request, then it is told what the
//! program prints and how it ended. Nothing else that the client says counts, until it goes away.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::http::HeaderMap;
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use paddock_wire::toolbox::interpreter::{self as wire, Execute, Frame, FrameKind, close as codes};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

use crate::http::Daemon;
use crate::http::extract::BODY_LIMIT;
use crate::http::subprotocol::Offered;
use crate::http::websocket::{Upgrade, close_frame as close};
use crate::interpreter::{End, InterpreterError};

/// Messages between the program and the socket: the program waits when there are more.
const QUEUE: usize = 16;
/// Until the request comes.
const FIRST: Duration = Duration::from_secs(60);
/// A client that reads nothing for so long is not waited for.
const STALL: Duration = Duration::from_secs(120);
/// Something travels at least so often, for those on the way who cut what is silent.
const PING: Duration = Duration::from_secs(20);
/// For the last words.
const FAREWELL: Duration = Duration::from_secs(5);

type Sink = SplitSink<WebSocket, Message>;
type Source = SplitStream<WebSocket>;

pub async fn execute(State(daemon): State<Arc<Daemon>>, headers: HeaderMap, upgrade: Upgrade) -> Response {
    let protocol = Offered::in_headers(&headers).choose();
    upgrade.speaking_at_most(BODY_LIMIT, protocol).on_upgrade(move |socket| converse(daemon, socket))
}

async fn converse(daemon: Arc<Daemon>, socket: WebSocket) {
    let (mut sink, mut source) = socket.split();
    let last = match timeout(FIRST, request(&mut source)).await {
        Ok(Request::Valid(request)) => run(daemon, request, &mut sink, &mut source).await,
        Ok(Request::Unreadable(why)) => Some(close(codes::UNREADABLE, &format!("invalid request: {why}"))),
        Ok(Request::None) => None,
        Err(_) => Some(close(codes::REFUSED, "no request came")),
    };
    let Some(last) = last else { return };
    let farewell = async {
        if sink.send(Message::Close(Some(last))).await.is_ok() {
            // Until the client has read it: what a closed socket has still to send is lost when more arrives there.
            while let Some(Ok(_)) = source.next().await {}
        }
    };
    let _ = timeout(FAREWELL, farewell).await;
}

enum Request {
    Valid(Execute),
    Unreadable(String),
    None,
}

async fn request(source: &mut Source) -> Request {
    loop {
        let bytes = match source.next().await {
            Some(Ok(Message::Text(text))) => text.into(),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Request::None,
        };
        // A list of the fields' values would count as the object too.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Request::Unreadable("a JSON object is expected".to_owned());
        }
        return serde_json::from_slice(&bytes)
            .map_or_else(|error| Request::Unreadable(error.to_string()), Request::Valid);
    }
}

/// None when there is nobody to say goodbye to.
async fn run(daemon: Arc<Daemon>, request: Execute, sink: &mut Sink, source: &mut Source) -> Option<CloseFrame> {
    let (sender, mut frames) = mpsc::channel(QUEUE);
    let run = tokio::spawn(async move { daemon.interpreters.execute(request, sender).await });
    let delivered = deliver(&mut frames, sink, source).await;
    // The run is interrupted by this, if it is not over.
    drop(frames);
    match delivered {
        Delivered::All => {}
        Delivered::Gone => return None,
        Delivered::Stalled => return Some(close(codes::REFUSED, "slow consumer")),
    }
    let end = run.await.unwrap_or_else(|error| Err(InterpreterError::Start(error.to_string())));
    let (last, closing) = conclude(end);
    if let Some(frame) = last {
        timeout(STALL, sink.send(text(&frame))).await.ok()?.ok()?;
    }
    Some(closing)
}

enum Delivered {
    All,
    Gone,
    Stalled,
}

async fn deliver(frames: &mut mpsc::Receiver<Frame>, sink: &mut Sink, source: &mut Source) -> Delivered {
    let mut pings = interval(PING);
    loop {
        let message = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => text(&frame),
                None => return Delivered::All,
            },
            _ = pings.tick() => Message::Ping(Vec::new().into()),
            // Reading also answers the client's pings.
            said = source.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Delivered::Gone,
                Some(Ok(_)) => continue,
            },
        };
        match timeout(STALL, send(message, frames, sink)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Delivered::Gone,
            Err(_) => return Delivered::Stalled,
        }
    }
}

/// With what is there already: one system call for many small messages.
async fn send(first: Message, frames: &mut mpsc::Receiver<Frame>, sink: &mut Sink) -> Result<(), axum::Error> {
    sink.feed(first).await?;
    for _ in 0..QUEUE {
        let Ok(frame) = frames.try_recv() else { break };
        sink.feed(text(&frame)).await?;
    }
    sink.flush().await
}

/// The last message, if there is one, and how the socket is closed. A timeout has no control message: clients would
/// take it for the end and never look at the code.
fn conclude(end: Result<End, InterpreterError>) -> (Option<Frame>, CloseFrame) {
    let done = |word| (Some(Frame::control(word)), close(codes::DONE, ""));
    match end {
        Ok(End::Completed) => done(wire::COMPLETED),
        Ok(End::Interrupted) => done(wire::INTERRUPTED),
        Ok(End::TimedOut { limit, kept }) => {
            let state = if kept { "is kept" } else { "is lost: the interpreter was killed" };
            let reason = format!("execution timed out after {} s; the context's state {state}", limit.as_secs_f64());
            (None, close(codes::TIMEOUT, &reason))
        }
        // Some clients take this code for a success, so that it is told as an error too.
        Ok(End::Died(why)) => (Some(lost(&why)), close(codes::ENDED, &format!("{why}; its state is lost"))),
        Ok(End::Gone) => (None, close(codes::REFUSED, "the client went away")),
        Err(error @ InterpreterError::Start(_)) => (None, close(codes::INTERNAL, &error.to_string())),
        Err(error) => (None, close(codes::REFUSED, &error.to_string())),
    }
}

fn lost(why: &str) -> Frame {
    Frame {
        kind: FrameKind::Error,
        text: String::new(),
        name: "InterpreterEnded".to_owned(),
        value: format!("{why}; its state is lost"),
        traceback: String::new(),
    }
}

fn text(frame: &Frame) -> Message {
    // Nothing of ours fails to serialize.
    Message::Text(serde_json::to_string(frame).unwrap_or_default().into())
}
