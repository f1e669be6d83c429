//! `GET /process/pty/{id}/connect` and `GET /process/pty/create-connect`: WebSockets to a terminal.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket};
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::stream::SplitStream;
use futures::{SinkExt, StreamExt};
use paddock_wire::toolbox::pty::{PtyControl, PtyCreateConnect, PtyExit, PtyStatus};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{PathParams, QueryParams};
use crate::http::subprotocol::{ENVS, EXIT_CONTROL, Offered};
use crate::http::websocket::{self, Upgrade, close};
use crate::pty::{Attachment, Exit, Parting, PtyResult, Request, Size};

type Envs = BTreeMap<String, String>;

/// `GET /process/pty/{id}/connect`. Clients expect to be told over the WebSocket that there is no such terminal.
pub async fn connect(
    State(daemon): State<Arc<Daemon>>,
    PathParams(id): PathParams<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    let attached = daemon.terminals.attach(&id).await;
    serve(upgrade, &headers, attached)
}

/// `GET /process/pty/create-connect`. What is wrong is an HTTP status: clients make their exceptions of it.
pub async fn create_connect(
    State(daemon): State<Arc<Daemon>>,
    upgrade: Upgrade,
    QueryParams(query): QueryParams<PtyCreateConnect>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let PtyCreateConnect { id, cwd, cols, rows } = query;
    let envs = Offered::in_headers(&headers).after(ENVS).map(|token| decode(&token)).transpose()?.unwrap_or_default();
    let request = Request { id, cwd, envs, size: Size::or_default(cols, rows)?, lazy_start: false };
    let attached = daemon.terminals.create_attached(request).await?;
    Ok(serve(upgrade, &headers, Ok(attached)))
}

fn decode(token: &str) -> ApiResult<Envs> {
    let json = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok();
    let envs = json.and_then(|json| serde_json::from_slice(&json).ok());
    envs.ok_or_else(|| {
        ApiError::bad_request("the environment in the subprotocol is no base64url of a JSON object of strings")
    })
}

fn serve(upgrade: Upgrade, headers: &HeaderMap, attached: PtyResult<Attachment>) -> Response {
    let offered = Offered::in_headers(headers);
    let tells_exit = offered.has(EXIT_CONTROL);
    upgrade.speaking(offered.choose()).on_upgrade(move |mut socket| async move {
        match attached {
            Ok(attachment) => converse(socket, attachment, tells_exit).await,
            Err(error) => {
                let error = error.to_string();
                let reason = json(&BTreeMap::from([("error", &error)]));
                let _ = socket.send(control(PtyStatus::Error { error })).await;
                websocket::end(&mut socket, close::POLICY, &reason).await;
            }
        }
    })
}

async fn converse(mut socket: WebSocket, mut attachment: Attachment, tells_exit: bool) {
    if socket.send(control(PtyStatus::Connected)).await.is_err() {
        return;
    }
    let parting = pass_on(&mut socket, &mut attachment).await;
    // Whatever still waits in it is for nobody.
    drop(attachment);
    match parting {
        None => {}
        Some(Parting::TooSlow) => websocket::end(&mut socket, close::POLICY, "slow consumer").await,
        Some(Parting::Exited(exit)) => {
            let Exit(exit_code) = exit;
            let told = PtyExit { exit_code, exit_reason: exit.reason() };
            let reason = json(&told);
            if tells_exit {
                let _ = socket.send(control(PtyStatus::Exited(told))).await;
            }
            let code = if exit_code == 0 { close::NORMAL } else { close::INTERNAL };
            websocket::end(&mut socket, code, &reason).await;
        }
    }
}

/// Both ways, until the client or the terminal parts; nothing when it was the client.
async fn pass_on(socket: &mut WebSocket, attachment: &mut Attachment) -> Option<Parting> {
    let Attachment { output, parting, input } = attachment;
    let (mut sink, client) = socket.split();
    let printing = async {
        while let Some(chunk) = output.recv().await {
            sink.send(Message::Binary(chunk)).await.ok()?;
        }
        Some(())
    };
    tokio::select! {
        printed = printing => printed?,
        () = pass_keys(client, input) => return None,
        // It takes nothing, so what waits for it will not be sent.
        () = too_slow(parting.clone()) => {}
    }
    *parting.borrow()
}

/// Until the client goes away.
async fn pass_keys(mut client: SplitStream<&mut WebSocket>, input: &mpsc::Sender<Bytes>) {
    while let Some(Ok(message)) = client.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::from(text),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return,
        };
        // When the shell has ended there is nobody to type to; the client is told by the other branch.
        let _ = input.send(bytes).await;
    }
}

/// Never completes for a client that keeps up.
async fn too_slow(mut parting: watch::Receiver<Option<Parting>>) {
    if parting.wait_for(|parting| matches!(parting, Some(Parting::TooSlow))).await.is_err() {
        pending().await
    }
}

fn control(status: PtyStatus) -> Message {
    Message::Text(json(&PtyControl { status }).into())
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
