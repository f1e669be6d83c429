//! `/process/pty/...`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{SinkExt, StreamExt};
use paddock_wire::toolbox::pty::{PtySessionInfo, PtySessions};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::sandbox::{Sandbox, Socket, encode};

const PROTOCOL: &str = "sec-websocket-protocol";
const EXIT_CONTROL: &str = "X-Daytona-Pty-Exit-Control";

/// A client of a terminal.
struct Client {
    socket: Socket,
    seen: String,
}

impl Client {
    /// Attached: the first message has said so.
    async fn open(sandbox: &Sandbox, path: &str, protocol: Option<&str>) -> Self {
        let headers: Vec<_> = protocol.iter().map(|offered| (PROTOCOL, *offered)).collect();
        let socket = sandbox.websocket(path, &headers).await.expect("upgraded");
        let mut client = Self { socket, seen: String::new() };
        assert_eq!(client.control().await, json!({ "type": "control", "status": "connected" }));
        client
    }

    async fn next(&mut self) -> Message {
        self.socket.0.next().await.expect("not the end").expect("a message")
    }

    async fn control(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("{other:?}"),
        }
    }

    async fn send(&mut self, text: &str) {
        self.socket.0.send(Message::Binary(text.as_bytes().to_vec().into())).await.expect("sent");
    }

    async fn until(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.next().await {
                Message::Binary(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                other => panic!("{other:?} after {:?}", self.seen),
            }
        }
        self.seen = self.seen.split_once(text).expect("it is there").1.to_owned();
    }

    /// What follows the output: the messages before the close, its code and its reason.
    async fn end(&mut self) -> (Vec<Value>, u16, String) {
        let mut told = Vec::new();
        loop {
            match self.next().await {
                Message::Binary(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Message::Text(text) => told.push(serde_json::from_str(&text).expect("JSON")),
                Message::Close(frame) => {
                    let frame = frame.expect("a reason");
                    return (told, frame.code.into(), frame.reason.to_string());
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A prompt that the text of a command cannot be taken for, and no startup files of the machine.
fn envs(more: &Value) -> String {
    let mut envs = json!({ "HOME": "/nowhere" });
    envs.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
    format!("X-Daytona-Pty-Envs~{}", URL_SAFE_NO_PAD.encode(envs.to_string()))
}

async fn create_connect(sandbox: &Sandbox, id: &str) -> Client {
    let path = format!("/process/pty/create-connect?id={id}&cols=100&rows=30");
    Client::open(sandbox, &path, Some(&format!("{EXIT_CONTROL}, {}", envs(&json!({}))))).await
}

#[tokio::test]
async fn created_and_attached_at_once() {
    let sandbox = Sandbox::start().await;
    sandbox.write("sub/file", "");
    let path = format!("/process/pty/create-connect?id=t&cols=101&rows=31&cwd={}", encode("sub"));
    let offered = format!("{}, {EXIT_CONTROL}", envs(&json!({ "X": "ä \"b\"" })));
    let mut client = Client::open(&sandbox, &path, Some(&offered)).await;
    assert_eq!(client.socket.1.headers()[PROTOCOL], EXIT_CONTROL);
    client.send("stty size; echo $TERM-$X; pwd -P; echo $((40+2))end\n").await;
    let sub = sandbox.path("sub").canonicalize().expect("exists");
    // Where the sandbox has one already, it stays.
    let term = std::env::var("TERM").unwrap_or_else(|_| "xterm-256color".to_owned());
    for expected in ["31 101\r\n", &format!("{term}-ä \"b\"\r\n"), &format!("{}\r\n", sub.display()), "42end\r\n"] {
        client.until(expected).await;
    }
    let info: PtySessionInfo = sandbox.get("/process/pty/t").await.read();
    assert_eq!((info.id.as_str(), info.cols, info.rows, info.active, info.lazy_start), ("t", 101, 31, true, false));
    assert_eq!((info.cwd, info.envs["X"].as_str()), (sub.display().to_string(), "ä \"b\""));
    assert_eq!(sandbox.get("/process/pty").await.read::<PtySessions>().sessions.len(), 1);
    client.send("exit 3\n").await;
    let exited = json!({ "type": "control", "status": "exited", "exitCode": 3, "exitReason": "non-zero exit" });
    let reason = r#"{"exitCode":3,"exitReason":"non-zero exit"}"#.to_owned();
    assert_eq!(client.end().await, (vec![exited], 1011, reason));
    assert_eq!(sandbox.get("/process/pty").await.json, json!({ "sessions": [] }));
    // The name is free again.
    create_connect(&sandbox, "t").await;
}

#[tokio::test]
async fn the_old_way() {
    let sandbox = Sandbox::start().await;
    let body = json!({ "id": "t", "lazyStart": true, "envs": { "HOME": "/nowhere", "A": "b" }, "cols": null });
    let created = sandbox.post("/process/pty", body).await;
    assert_eq!((created.status, created.json), (201, json!({ "sessionId": "t" })));
    let info: PtySessionInfo = sandbox.get("/process/pty/t").await.read();
    assert_eq!((info.cols, info.rows, info.active, info.lazy_start), (80, 24, false, true));
    assert!(info.created_at.ends_with('Z'), "{}", info.created_at);
    // What is said before the start counts at the start.
    sandbox.post("/process/pty/t/resize", json!({ "cols": 90, "rows": 20 })).await.read::<PtySessionInfo>();
    let mut client = Client::open(&sandbox, "/process/pty/t/connect", None).await;
    assert_eq!(client.socket.1.headers().get(PROTOCOL), None);
    client.send("stty size; echo $A\n").await;
    client.until("20 90\r\nb\r\n").await;
    assert!(sandbox.get("/process/pty/t").await.read::<PtySessionInfo>().active);
    client.send("exit\n").await;
    // Who did not ask for it gets no message, only the close.
    assert_eq!(client.end().await, (Vec::new(), 1000, r#"{"exitCode":0}"#.to_owned()));
    let body = json!({ "id": "eager", "envs": { "HOME": "/nowhere" } });
    assert_eq!(sandbox.post("/process/pty", body).await.status, 201);
    assert!(sandbox.get("/process/pty/eager").await.read::<PtySessionInfo>().active);
    assert_eq!(sandbox.delete("/process/pty/eager").await.status, 200);
}

#[tokio::test]
async fn resized_while_it_runs() {
    let sandbox = Sandbox::start().await;
    let mut client = create_connect(&sandbox, "t").await;
    client.send("trap 'echo changed' WINCH; echo re''ady\n").await;
    client.until("ready\r\n").await;
    let info: PtySessionInfo = sandbox.post("/process/pty/t/resize", json!({ "cols": 111, "rows": 22 })).await.read();
    assert_eq!((info.cols, info.rows), (111, 22));
    client.send("\nstty size\n").await;
    client.until("changed").await;
    client.until("22 111\r\n").await;
    for (cols, rows) in [(0, 1), (1, 1001), (-1, 1), (1, 0)] {
        let body = json!({ "cols": cols, "rows": rows });
        sandbox.post("/process/pty/t/resize", body).await.assert_error(400, "BAD_REQUEST");
    }
    sandbox.post("/process/pty/t/resize", json!({})).await.assert_error(400, "BAD_REQUEST");
    sandbox.post("/process/pty/none/resize", json!({ "cols": 1, "rows": 1 })).await.assert_error(410, "GONE");
}

#[tokio::test]
async fn refusals() {
    let sandbox = Sandbox::start().await;
    let kept = create_connect(&sandbox, "t").await;
    let create = |body: Value| sandbox.post("/process/pty", body);
    create(json!({})).await.assert_error(400, "BAD_REQUEST");
    create(json!({ "id": "x".repeat(256) })).await.assert_error(400, "BAD_REQUEST");
    create(json!({ "id": "a", "cols": 1001 })).await.assert_error(400, "BAD_REQUEST");
    create(json!({ "id": "a", "rows": -1 })).await.assert_error(400, "BAD_REQUEST");
    create(json!({ "id": "a", "rows": "1" })).await.assert_error(400, "INVALID_REQUEST_BODY");
    create(json!({ "id": "a", "envs": { "A B": "" } })).await.assert_error(400, "BAD_REQUEST");
    create(json!({ "id": "a", "cwd": "/no/such/place" })).await.assert_error(400, "INVALID_FILE_PATH");
    create(json!({ "id": "t" })).await.assert_error(409, "CONFLICT");
    for path in ["/process/pty/none", "/process/pty/a"] {
        sandbox.get(path).await.assert_error(404, "NOT_FOUND");
        sandbox.delete(path).await.assert_error(404, "NOT_FOUND");
    }
    sandbox.get("/process/pty/t/connect").await.assert_error(400, "BAD_REQUEST");
    sandbox.get("/process/pty/create-connect?id=a").await.assert_error(400, "BAD_REQUEST");
    for (query, protocol, status) in [
        ("id=t", EXIT_CONTROL, 409),
        ("", EXIT_CONTROL, 400),
        ("id=a&cols=1001", EXIT_CONTROL, 400),
        ("id=a&cols=x", EXIT_CONTROL, 400),
        ("id=a&cwd=/no/such/place", EXIT_CONTROL, 400),
        ("id=a", "X-Daytona-Pty-Envs~%%%", 400),
        ("id=a", "X-Daytona-Pty-Envs~WzFd", 400),
        ("id=a", "X-Daytona-Pty-Envs~eyJBIEIiOiIifQ", 400),
    ] {
        let path = format!("/process/pty/create-connect?{query}");
        let refused = sandbox.websocket(&path, &[(PROTOCOL, protocol)]).await.expect_err("refused");
        let Error::Http(answer) = refused else { panic!("{refused}") };
        assert_eq!(answer.status().as_u16(), status, "{query} {protocol}");
        let body: Value = serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).expect("JSON");
        assert_eq!(body["source"], "DAYTONA_DAEMON");
    }
    assert_eq!(sandbox.get("/process/pty").await.read::<PtySessions>().sessions.len(), 1);
    drop(kept);
}

/// Clients learn over the WebSocket that there is nothing to attach to.
#[tokio::test]
async fn attached_to_nothing() {
    let sandbox = Sandbox::start().await;
    let socket = sandbox.websocket("/process/pty/none/connect", &[(PROTOCOL, EXIT_CONTROL)]).await.expect("upgraded");
    let mut client = Client { socket, seen: String::new() };
    let error = "PTY session none not found";
    assert_eq!(client.control().await, json!({ "type": "control", "status": "error", "error": error }));
    assert_eq!(client.end().await, (Vec::new(), 1008, json!({ "error": error }).to_string()));
}

#[tokio::test]
async fn several_clients() {
    let sandbox = Sandbox::start().await;
    let mut first = create_connect(&sandbox, "t").await;
    first.send("echo be''fore\n").await;
    first.until("before\r\n").await;
    let mut second = Client::open(&sandbox, "/process/pty/t/connect", Some(EXIT_CONTROL)).await;
    second.send("echo from-''second\n").await;
    first.until("from-second\r\n").await;
    second.until("from-second\r\n").await;
    assert!(!second.seen.contains("before"));
    // Any message is typed, a text too.
    first.socket.0.send(Message::Text("echo from-''first\n".into())).await.expect("sent");
    second.until("from-first\r\n").await;
    // One that leaves takes nobody with it.
    first.socket.0.close(None).await.expect("closes");
    second.send("echo still-''here; exit\n").await;
    second.until("still-here\r\n").await;
    let exited = json!({ "type": "control", "status": "exited", "exitCode": 0 });
    assert_eq!(second.end().await, (vec![exited], 1000, r#"{"exitCode":0}"#.to_owned()));
}

#[tokio::test]
async fn killed_with_all_that_came_of_it() {
    let sandbox = Sandbox::start().await;
    let mut client = create_connect(&sandbox, "t").await;
    client.send("setsid sh -c 'echo $$ > pid; while :; do sleep 1000; done' & sleep 1000\n").await;
    sandbox.execute("until [ -s pid ]; do sleep 0.01; done").await;
    let killed = sandbox.delete("/process/pty/t").await;
    assert!(killed.status == 200 && killed.json["message"].is_string());
    let (told, code, reason) = client.end().await;
    assert_eq!((&told[0]["exitCode"], code), (&json!(137), 1011));
    assert_eq!(reason, r#"{"exitCode":137,"exitReason":"SIGKILL"}"#);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", sandbox.read("pid").trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
    sandbox.get("/process/pty/t").await.assert_error(404, "NOT_FOUND");
    // One that never began.
    sandbox.post("/process/pty", json!({ "id": "lazy", "lazyStart": true })).await;
    assert_eq!(sandbox.delete("/process/pty/lazy").await.status, 200);
    sandbox.get("/process/pty/lazy").await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn all_output_comes_before_the_end() {
    let sandbox = Sandbox::start().await;
    let mut client = create_connect(&sandbox, "t").await;
    client.send("seq 100000; exit 130\n").await;
    client.until("\r\n99999\r\n100000\r\n").await;
    let (told, code, reason) = client.end().await;
    assert_eq!((&told[0]["exitReason"], code), (&json!("Ctrl+C"), 1011));
    assert_eq!(reason, r#"{"exitCode":130,"exitReason":"Ctrl+C"}"#);
}

#[tokio::test]
async fn control_characters_and_pings() {
    let sandbox = Sandbox::start().await;
    let mut client = create_connect(&sandbox, "t").await;
    client.send("echo be''gun; cat > /dev/null; echo st''opped\n").await;
    client.until("begun\r\n").await;
    client.socket.0.send(Message::Ping("p".into())).await.expect("sent");
    while client.next().await != Message::Pong("p".into()) {}
    client.send("\x04").await;
    client.until("stopped\r\n").await;
    client.send("echo re''ady; sleep 1000\n").await;
    client.until("ready\r\n").await;
    client.send("\x03").await;
    client.send("echo $?-inter''rupted\n").await;
    client.until("130-interrupted\r\n").await;
}

/// One that takes nothing is let go, and the others see all.
#[tokio::test]
async fn a_slow_client() {
    let sandbox = Sandbox::start().await;
    let mut quick = create_connect(&sandbox, "t").await;
    let mut slow = Client::open(&sandbox, "/process/pty/t/connect", Some(EXIT_CONTROL)).await;
    quick.send("head -c 100000000 /dev/zero | tr '\\0' a; echo do''ne\n").await;
    let mut tail = Vec::new();
    while !tail.ends_with(b"done\r\n") {
        if let Message::Binary(bytes) = quick.next().await {
            tail.extend_from_slice(&bytes);
            let length = tail.len();
            if let Some(at) = tail.windows(6).position(|part| part == b"done\r\n") {
                tail.truncate(at + 6);
            } else {
                tail.drain(..length.saturating_sub(6));
            }
        }
    }
    let (told, code, reason) = slow.end().await;
    assert_eq!((told, code, reason.as_str()), (Vec::new(), 1008, "slow consumer"));
    assert!(sandbox.get("/process/pty/t").await.read::<PtySessionInfo>().active);
}

#[tokio::test]
async fn a_message_that_is_too_long() {
    let sandbox = Sandbox::start().await;
    let mut client = create_connect(&sandbox, "t").await;
    client.send(&"x".repeat(64 * 1024 + 1)).await;
    while let Some(Ok(_)) = client.socket.0.next().await {}
    assert!(sandbox.get("/process/pty/t").await.read::<PtySessionInfo>().active);
    let mut other = Client::open(&sandbox, "/process/pty/t/connect", None).await;
    other.send("echo al''ive\n").await;
    other.until("alive\r\n").await;
}

#[tokio::test]
async fn many_at_once() {
    let sandbox = Sandbox::start().await;
    let lives = (0..10).map(|number| {
        let sandbox = &sandbox;
        async move {
            let mut client = create_connect(sandbox, &format!("t{number}")).await;
            client.send(&format!("exit {number}\n")).await;
            assert_eq!(client.end().await.0[0]["exitCode"], number);
        }
    });
    futures::future::join_all(lives).await;
}
