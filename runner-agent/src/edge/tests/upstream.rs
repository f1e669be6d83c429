//! Daemons that break off: repeated is only what was never sent, and there is always an answer.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{
    agents::Agents,
    scene::{Machine, Sandbox, TOKEN, edge_error, nowhere, settings},
};
use crate::sandboxes::registry::Letter;

/// A daemon by hand: the test gets each connection.
async fn by_hand() -> (SocketAddr, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (tx, rx) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tx.send(stream).await.unwrap();
        }
    });
    (addr, rx)
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    // All test requests end with this body.
    while !seen.ends_with(b"END") {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the edge broke off");
        seen.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(seen).unwrap()
}

async fn scene(addr: SocketAddr) -> (Agents, Machine, Sandbox) {
    let agents = Agents::start().await;
    let machine = Machine::start(&agents, settings()).await;
    let sandbox = Sandbox::at(&agents, &machine, addr);
    (agents, machine, sandbox)
}

/// What hyper says to a request that it cannot parse.
const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn connections_are_kept_and_a_closed_one_is_replaced() {
    let (addr, mut connections) = by_hand().await;
    let (_agents, machine, sandbox) = scene(addr).await;
    let post = || tokio::spawn(machine.post(sandbox.id, "/x").body("END").send());

    let call = post();
    let mut first = connections.recv().await.unwrap();
    read_request(&mut first).await;
    first.write_all(OK).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "ok");

    let call = post();
    read_request(&mut first).await;
    first.write_all(OK).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "ok");

    drop(first);
    let call = post();
    let mut second = connections.recv().await.unwrap();
    read_request(&mut second).await;
    second.write_all(OK).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "ok");
}

#[tokio::test]
async fn what_was_sent_is_not_repeated() {
    let (addr, mut connections) = by_hand().await;
    let (_agents, machine, sandbox) = scene(addr).await;
    let requests = Arc::new(AtomicUsize::new(0));
    tokio::spawn({
        let requests = Arc::clone(&requests);
        async move {
            while let Some(mut stream) = connections.recv().await {
                read_request(&mut stream).await;
                requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let broken = machine.post(sandbox.id, "/x").body("END").send().await.unwrap();
    edge_error(broken, StatusCode::BAD_GATEWAY).await;
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_kept_connection_that_breaks_after_sending_is_not_repeated_either() {
    let (addr, mut connections) = by_hand().await;
    let (_agents, machine, sandbox) = scene(addr).await;
    let call = tokio::spawn(machine.post(sandbox.id, "/x").body("END").send());
    let mut kept = connections.recv().await.unwrap();
    read_request(&mut kept).await;
    kept.write_all(OK).await.unwrap();
    // To its end: a caller that leaves before takes the connection along.
    assert_eq!(call.await.unwrap().unwrap().text().await.unwrap(), "ok");
    let call = tokio::spawn(machine.post(sandbox.id, "/x").body("END").send());
    read_request(&mut kept).await;
    drop(kept);
    edge_error(call.await.unwrap().unwrap(), StatusCode::BAD_GATEWAY).await;
    assert!(connections.try_recv().is_err());
}

#[tokio::test]
async fn a_dead_daemon_is_told_to_caller_and_owner() {
    let (addr, connections) = by_hand().await;
    let (_agents, machine, mut sandbox) = scene(addr).await;
    let (_bound, nowhere) = nowhere();
    sandbox.becomes(crate::sandboxes::registry::Phase::Running { addr: nowhere });
    drop(connections);
    let dead = machine.post(sandbox.id, "/x").body("END").send().await.unwrap();
    edge_error(dead, StatusCode::BAD_GATEWAY).await;
    assert!(matches!(sandbox.seat.mailbox.recv().await, Some(Letter::Look)));
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_bad_gateway() {
    let (addr, mut connections) = by_hand().await;
    let (_agents, machine, sandbox) = scene(addr).await;
    for answer in ["SSH-2.0-nonsense\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n"] {
        let call = tokio::spawn(machine.post(sandbox.id, "/x").body("END").send());
        let mut stream = connections.recv().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        edge_error(call.await.unwrap().unwrap(), StatusCode::BAD_GATEWAY).await;
    }
}

/// Both ends of a connection that has switched protocols.
async fn tunnel(
    machine: &Machine,
    sandbox: &Sandbox,
    connections: &mut mpsc::Receiver<TcpStream>,
) -> (TcpStream, TcpStream) {
    let mut caller = TcpStream::connect(machine.clients).await.unwrap();
    let head = format!(
        "GET /toolbox/{}/ws HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer {TOKEN}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Last: END\r\n\r\n",
        sandbox.id
    );
    caller.write_all(head.as_bytes()).await.unwrap();
    let mut daemon = connections.recv().await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(daemon.read_u8().await.unwrap());
    }
    daemon
        .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n")
        .await
        .unwrap();
    (caller, daemon)
}

#[tokio::test]
async fn a_side_of_a_tunnel_may_end_before_the_other() {
    let (addr, mut connections) = by_hand().await;
    let (_agents, machine, sandbox) = scene(addr).await;
    let (mut caller, mut daemon) = tunnel(&machine, &sandbox, &mut connections).await;
    caller.write_all(b"question").await.unwrap();
    caller.shutdown().await.unwrap();
    let mut question = String::new();
    daemon.read_to_string(&mut question).await.unwrap();
    assert_eq!(question, "question");
    daemon.write_all(b"late answer").await.unwrap();
    drop(daemon);
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 101") && answer.ends_with("late answer"), "{answer}");
}

#[tokio::test]
async fn what_looks_like_a_refusal_passes_untouched_in_a_body() {
    let (addr, mut connections) = by_hand().await;
    let (_agents, machine, sandbox) = scene(addr).await;
    let call = tokio::spawn(machine.post(sandbox.id, "/x").body("END").send());
    let mut daemon = connections.recv().await.unwrap();
    read_request(&mut daemon).await;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", REFUSAL.len());
    daemon.write_all(head.as_bytes()).await.unwrap();
    // Once the caller has the head, the body is a write of its own.
    let answer = call.await.unwrap().unwrap();
    daemon.write_all(REFUSAL).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), REFUSAL);
}

#[tokio::test]
async fn what_looks_like_a_refusal_passes_untouched_in_a_tunnel() {
    let (addr, mut connections) = by_hand().await;
    let (_agents, machine, sandbox) = scene(addr).await;
    let (mut caller, mut daemon) = tunnel(&machine, &sandbox, &mut connections).await;
    // A caller that ends before the tunnel is there gets none.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(caller.read_u8().await.unwrap());
    }
    daemon.write_all(REFUSAL).await.unwrap();
    drop(daemon);
    caller.shutdown().await.unwrap();
    caller.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(REFUSAL), "{}", String::from_utf8_lossy(&answer));
}
