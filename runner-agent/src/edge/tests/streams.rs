//! Bodies are streamed both ways, however large, and every answer reaches its caller.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Body, extract::Request, http::StatusCode, routing::post};
use bytes::Bytes;
use futures::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, mpsc},
};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    agents::Agents,
    scene::{Machine, Sandbox, TOKEN, client, edge_error, settings},
};

const CHUNK: usize = 1024 * 1024;

async fn scene(daemon: Router) -> (Agents, Machine, Sandbox) {
    let agents = Agents::start().await;
    let machine = Machine::start(&agents, settings()).await;
    let sandbox = Sandbox::running(&agents, &machine, daemon).await;
    (agents, machine, sandbox)
}

#[tokio::test]
async fn both_directions_flow_at_once() {
    let echo = post(|request: Request| async { Body::from_stream(request.into_body().into_data_stream()) });
    let (_agents, machine, sandbox) = scene(Router::new().route("/echo", echo)).await;
    let (tx, rx) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let call = tokio::spawn(
        machine.post(sandbox.id, "/echo").body(reqwest::Body::wrap_stream(ReceiverStream::new(rx))).send(),
    );
    tx.send(Ok(Bytes::from_static(b"one"))).await.unwrap();
    let mut back = call.await.unwrap().unwrap().bytes_stream();
    assert_eq!(back.next().await.unwrap().unwrap(), "one");
    // The second piece is made only after the first has come back.
    tx.send(Ok(Bytes::from_static(b"two"))).await.unwrap();
    assert_eq!(back.next().await.unwrap().unwrap(), "two");
    drop(tx);
    assert!(back.next().await.is_none());
}

#[tokio::test]
async fn a_large_upload_waits_for_its_reader() {
    const TOTAL: usize = 256 * CHUNK;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let count = post({
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move |request: Request| async move {
            begun.notify_one();
            go.notified().await;
            let mut body = request.into_body().into_data_stream();
            let mut total = 0;
            while let Some(chunk) = body.next().await {
                total += chunk.unwrap().len();
            }
            total.to_string()
        }
    });
    let (_agents, machine, sandbox) = scene(Router::new().route("/count", count)).await;
    let made = Arc::new(AtomicUsize::new(0));
    let chunk = Bytes::from(vec![7_u8; CHUNK]);
    let source = futures::stream::iter(0..TOTAL / CHUNK).map({
        let made = Arc::clone(&made);
        move |_| {
            made.fetch_add(CHUNK, Ordering::SeqCst);
            Ok::<_, std::io::Error>(chunk.clone())
        }
    });
    let call = tokio::spawn(machine.post(sandbox.id, "/count").body(reqwest::Body::wrap_stream(source)).send());
    // The daemon has the request before the upload is over; while it does not read, only sockets fill up.
    begun.notified().await;
    let mut last = usize::MAX;
    while last != made.load(Ordering::SeqCst) {
        last = made.load(Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(last < TOTAL / 4, "{last} bytes are held somewhere");
    go.notify_one();
    let answer = call.await.unwrap().unwrap().text().await.unwrap();
    assert_eq!(answer, TOTAL.to_string());
}

#[tokio::test]
async fn an_early_answer_reaches_a_caller_who_is_still_sending() {
    let refuse = post(|| async { (StatusCode::PAYLOAD_TOO_LARGE, "too large") });
    let (_agents, machine, sandbox) = scene(Router::new().route("/refuse", refuse)).await;
    // A client that sends all of its body before it looks for an answer, as Python's does.
    for (token, status) in [(TOKEN, "413"), ("wrong", "401")] {
        let mut stream = TcpStream::connect(machine.clients).await.unwrap();
        let total = 32 * CHUNK;
        let head = format!(
            "POST /toolbox/{}/refuse HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer {token}\r\nContent-Length: {total}\r\nConnection: close\r\n\r\n",
            sandbox.id
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..total / CHUNK {
            stream.write_all(&vec![0; CHUNK]).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

#[tokio::test]
async fn who_waits_for_100_is_told_or_refused() {
    let echo = post(|body: String| async { body });
    let (_agents, machine, sandbox) = scene(Router::new().route("/echo", echo)).await;
    for (token, expected) in [(TOKEN, "HTTP/1.1 100"), ("wrong", "HTTP/1.1 401")] {
        let mut stream = TcpStream::connect(machine.clients).await.unwrap();
        let head = format!(
            "POST /toolbox/{}/echo HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer {token}\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            sandbox.id
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&first), expected);
        let mut rest = String::new();
        if token == TOKEN {
            stream.write_all(b"hello").await.unwrap();
            stream.read_to_string(&mut rest).await.unwrap();
            assert!(rest.ends_with("hello"), "{rest}");
        }
    }
}

#[tokio::test]
async fn too_many_open_requests_are_refused_and_room_comes_back() {
    let agents = Agents::start().await;
    let machine = Machine::start(&agents, crate::edge::EdgeSettings { open_requests: 1, ..settings() }).await;
    let echo = post(|request: Request| async { Body::from_stream(request.into_body().into_data_stream()) });
    let sandbox = Sandbox::running(&agents, &machine, Router::new().route("/echo", echo)).await;
    let (tx, rx) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    tx.send(Ok(Bytes::from_static(b"one"))).await.unwrap();
    let open = machine.post(sandbox.id, "/echo").body(reqwest::Body::wrap_stream(ReceiverStream::new(rx)));
    let open = open.send().await.unwrap();
    let second = client().post(machine.url(sandbox.id, "/echo")).bearer_auth(TOKEN).send().await.unwrap();
    edge_error(second, StatusCode::SERVICE_UNAVAILABLE).await;
    drop(tx);
    assert_eq!(open.bytes().await.unwrap(), "one");
    assert_eq!(machine.post(sandbox.id, "/echo").send().await.unwrap().status(), StatusCode::OK);
}
