//! `/process/session/...`.

use futures::{SinkExt, StreamExt};
use paddock_wire::toolbox::session::{Command, CommandLogs, Session, SessionExecuted};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::sandbox::{Answer, Sandbox, answer};

const NEWEST: (&str, &str) = ("x-daytona-sdk-version", "0.226.1");
const LAUNCH: &str = "/process/session/s/exec";

async fn with_session() -> Sandbox {
    let sandbox = Sandbox::start().await;
    create(&sandbox, "s").await;
    sandbox
}

async fn create(sandbox: &Sandbox, id: &str) {
    let created = sandbox.post("/process/session", json!({ "sessionId": id })).await;
    assert_eq!((created.status, &created.json), (201, &Value::Null));
}

async fn ask(sandbox: &Sandbox, body: Value) -> Answer {
    answer(sandbox.request(Method::POST, LAUNCH).header(NEWEST.0, NEWEST.1).json(&body)).await
}

async fn run(sandbox: &Sandbox, command: &str) -> SessionExecuted {
    ask(sandbox, json!({ "command": command })).await.read()
}

/// Its exit code and its two streams.
async fn streams(sandbox: &Sandbox, command: &str) -> (i32, String, String) {
    let ran = run(sandbox, command).await;
    (ran.exit_code.expect("it ended"), ran.stdout.expect("JSON"), ran.stderr.expect("JSON"))
}

fn clean(code: i32, stdout: &str) -> (i32, String, String) {
    (code, stdout.to_owned(), String::new())
}

async fn launch(sandbox: &Sandbox, body: Value) -> String {
    let started = ask(sandbox, body).await;
    assert_eq!(started.status, 202, "{}", started.json);
    let started: SessionExecuted = serde_json::from_value(started.json).expect("the wire's type");
    assert_eq!((started.exit_code, started.output), (None, None));
    started.cmd_id
}

fn of(command: &str, rest: &str) -> String {
    format!("/process/session/s/command/{command}{rest}")
}

async fn logs(sandbox: &Sandbox, command: &str) -> CommandLogs {
    let request = sandbox.request(Method::GET, &of(command, "/logs")).header(NEWEST.0, NEWEST.1);
    answer(request).await.read()
}

/// All of a WebSocket's bytes, and the code it was closed with.
async fn tail(sandbox: &Sandbox, path: &str, headers: &[(&'static str, &str)]) -> (Vec<u8>, u16) {
    let (mut socket, _) = sandbox.websocket(path, headers).await.expect("upgraded");
    let mut bytes = Vec::new();
    while let Some(message) = socket.next().await {
        match message.expect("a message") {
            Message::Binary(part) => bytes.extend_from_slice(&part),
            Message::Close(frame) => return (bytes, frame.expect("a reason").code.into()),
            other => panic!("{other:?}"),
        }
    }
    panic!("it ended without a word");
}

#[tokio::test]
async fn a_shell_that_stays() {
    let sandbox = with_session().await;
    let steps = "cd /; x='a b'; f() { echo \"f $x\"; }; export Y=y";
    assert_eq!(streams(&sandbox, steps).await, clean(0, ""));
    assert_eq!(streams(&sandbox, "pwd; f; sh -c 'echo $Y'").await, clean(0, "/\nf a b\ny\n"));
    assert_eq!(streams(&sandbox, "(exit 7)").await.0, 7);
    assert_eq!(streams(&sandbox, "return 8").await.0, 8);
    assert_eq!(streams(&sandbox, "no-such-command").await.0, 127);
    assert_eq!(streams(&sandbox, "if ; then").await.0, 2);
    assert_eq!(streams(&sandbox, "echo 'still; here' # comment").await, clean(0, "still; here\n"));
    let text = "cat <<END\na $x 'b'\nEND\necho \"two\nlines\"";
    assert_eq!(streams(&sandbox, text).await, clean(0, "a a b 'b'\ntwo\nlines\n"));
    let work_dir = sandbox.dir.path().canonicalize().expect("exists");
    assert_eq!(streams(&sandbox, "cd - >/dev/null; pwd").await.1, format!("{}\n", work_dir.display()));
}

#[tokio::test]
async fn every_byte_in_its_stream() {
    let sandbox = with_session().await;
    let ran = run(&sandbox, "printf 'no end'; printf 'err\\nor' >&2").await;
    assert_eq!((ran.stdout.as_deref(), ran.stderr.as_deref()), (Some("no end"), Some("err\nor")));
    // Markers and bytes that are no text, in the output itself.
    let (_, stdout, stderr) = streams(&sandbox, r"printf '\002\002\002a\n\001\001\001'; printf '\001\377ü' >&2").await;
    assert_eq!((stdout.as_str(), stderr.as_str()), ("\x02\x02\x02a\n\x01\x01\x01", "\x01\u{fffd}ü"));
    let ran = run(&sandbox, "echo one; echo; printf two").await;
    assert_eq!(ran.output.as_deref(), Some("\x01\x01\x01one\n\x01\x01\x01\n\x01\x01\x01two"));
    let (code, stdout, stderr) = streams(&sandbox, "seq 500000 | tee /dev/stderr; exit_code=3; (exit 3)").await;
    let expected: String = (1..=500_000).map(|number| format!("{number}\n")).collect();
    assert!(code == 3 && stdout == expected && stderr == expected, "{code} {} {}", stdout.len(), stderr.len());
}

#[tokio::test]
async fn what_old_sdks_read() {
    let sandbox = with_session().await;
    let body = json!({ "command": "echo out; echo err >&2", "async": false });
    let id = run(&sandbox, "echo out; sleep 0.2; echo err >&2").await.cmd_id;
    for (headers, output, is_json) in [
        (&[][..], "out\nerr\n", false),
        (&[("x-daytona-sdk-version", "0.26.0")][..], "out\nerr\n", false),
        (&[("x-daytona-split-output", "true")][..], "\x01\x01\x01out\n\x02\x02\x02err\n", false),
        (&[("x-daytona-sdk-version", "0.160.0")][..], "\x01\x01\x01out\n\x02\x02\x02err\n", false),
        (&[NEWEST][..], "\x01\x01\x01out\n\x02\x02\x02err\n", true),
    ] {
        let with = |request: reqwest::RequestBuilder| {
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let ran = answer(with(sandbox.request(Method::POST, LAUNCH)).json(&body)).await;
        let keys = ran.json.as_object().expect("an object");
        assert_eq!((keys.contains_key("stdout"), keys.contains_key("stderr")), (is_json, is_json), "{headers:?}");
        assert_eq!(ran.json["output"].as_str().expect("text").contains('\x01'), output.contains('\x01'));
        let logs = with(sandbox.request(Method::GET, &of(&id, "/logs"))).send().await.expect("an answer");
        let kind = logs.headers()["content-type"].to_str().expect("text").to_owned();
        let text = logs.text().await.expect("text");
        if is_json {
            let logs: CommandLogs = serde_json::from_str(&text).expect("JSON");
            assert_eq!((logs.output.as_str(), logs.stdout.as_str(), logs.stderr.as_str()), (output, "out\n", "err\n"));
        } else {
            assert_eq!((text.as_str(), kind.as_str()), (output, "text/plain; charset=utf-8"), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn where_the_shell_begins() {
    let sandbox = Sandbox::start().await;
    let home = sandbox.home.path().canonicalize().expect("exists");
    let request = sandbox.request(Method::POST, "/process/session").header("x-daytona-sdk-version", "0.102.0");
    assert_eq!(answer(request.json(&json!({ "sessionId": "s" }))).await.status, 201);
    assert_eq!(streams(&sandbox, "pwd -P").await.1, format!("{}\n", home.display()));
}

#[tokio::test]
async fn the_list() {
    let sandbox = with_session().await;
    create(&sandbox, "../../ä b").await;
    let id = run(&sandbox, "(exit 3)").await.cmd_id;
    let sessions: Vec<Session> = sandbox.get("/process/session").await.read();
    let expected = Command { id: id.clone(), command: "(exit 3)".to_owned(), exit_code: Some(3) };
    let ids: Vec<_> = sessions.iter().map(|session| session.session_id.as_str()).collect();
    assert_eq!(ids, ["../../ä b", "s"]);
    assert_eq!(sessions[1].commands, std::slice::from_ref(&expected));
    assert_eq!(sandbox.get("/process/session/s").await.read::<Session>(), sessions[1]);
    assert_eq!(sandbox.get(&of(&id, "")).await.read::<Command>(), expected);
    assert_eq!(sandbox.get("/process/session/..%2F..%2F%C3%A4%20b").await.read::<Session>(), sessions[0]);
    assert_eq!(sandbox.delete("/process/session/..%2F..%2F%C3%A4%20b").await.status, 204);
}

#[tokio::test]
async fn refusals() {
    let sandbox = with_session().await;
    let id = run(&sandbox, "true").await.cmd_id;
    let sessions = "/process/session";
    sandbox.post(sessions, json!({ "sessionId": "s" })).await.assert_error(409, "CONFLICT");
    sandbox.post(sessions, json!({ "sessionId": "entrypoint" })).await.assert_error(400, "BAD_REQUEST");
    sandbox.post(sessions, json!({ "sessionId": "x".repeat(256) })).await.assert_error(400, "BAD_REQUEST");
    sandbox.post(sessions, json!({})).await.assert_error(400, "BAD_REQUEST");
    sandbox.post(sessions, json!({ "sessionId": 1 })).await.assert_error(400, "INVALID_REQUEST_BODY");
    for path in [
        "/process/session/none",
        "/process/session/none/command/x",
        "/process/session/none/command/x/logs",
        "/process/session/s/command/x",
        "/process/session/s/command/x/logs",
        "/process/session/entrypoint",
        "/process/session/entrypoint/logs",
    ] {
        sandbox.get(path).await.assert_error(404, "NOT_FOUND");
    }
    sandbox.get("/process/session/%ff").await.assert_error(400, "BAD_REQUEST");
    sandbox.delete("/process/session/none").await.assert_error(404, "NOT_FOUND");
    sandbox.delete("/process/session/entrypoint").await.assert_error(400, "BAD_REQUEST");
    let exec = |id: &str| format!("/process/session/{id}/exec");
    sandbox.post(&exec("s"), json!({ "command": " \n" })).await.assert_error(400, "BAD_REQUEST");
    sandbox.post(&exec("s"), json!({})).await.assert_error(400, "BAD_REQUEST");
    sandbox.post(&exec("none"), json!({ "command": "ls" })).await.assert_error(404, "NOT_FOUND");
    sandbox.post(&exec("entrypoint"), json!({ "command": "ls" })).await.assert_error(400, "BAD_REQUEST");
    let input = json!({ "data": "x" });
    sandbox.post(&of("x", "/input"), input.clone()).await.assert_error(404, "NOT_FOUND");
    sandbox.post(&of(&id, "/input"), input.clone()).await.assert_error(410, "COMMAND_ALREADY_COMPLETED");
    let entrypoint = "/process/session/entrypoint/command/entrypoint_command/input";
    sandbox.post(entrypoint, input).await.assert_error(400, "BAD_REQUEST");
    assert!(sandbox.websocket(&of("x", "/logs?follow=true"), &[]).await.is_err());
}

#[tokio::test]
async fn input_and_its_echo() {
    let sandbox = with_session().await;
    let text = "printf 'name? '; read name; echo \"hello $name\"; cat";
    let id = launch(&sandbox, json!({ "command": text, "runAsync": true })).await;
    let send = |data: &str| {
        let path = of(&id, "/input");
        let request = sandbox.request(Method::POST, &path).json(&json!({ "data": data }));
        async { assert_eq!(answer(request).await.status, 204) }
    };
    send("you").await;
    send("more\nlines\n").await;
    let (mut socket, _) = sandbox.websocket(&of(&id, "/logs?follow=true"), &[NEWEST]).await.expect("upgraded");
    let mut seen = String::new();
    // Once as it was sent, once from `cat`.
    while seen.matches("more\n\x01\x01\x01lines\n").count() < 2 || !seen.contains("hello you\n") {
        let message = socket.next().await.expect("more").expect("a message");
        seen += std::str::from_utf8(&message.into_data()).expect("text");
    }
    assert!(seen.contains("you\n") && seen.contains("name? "), "{seen:?}");
    // A ping is answered while nothing is printed.
    socket.send(Message::Ping("p".into())).await.expect("sent");
    assert_eq!(socket.next().await.expect("an answer").expect("a message"), Message::Pong("p".into()));
    assert_eq!(sandbox.get(&of(&id, "")).await.json.get("exitCode"), None);
    assert_eq!(sandbox.delete("/process/session/s").await.status, 204);
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("closes") };
    assert_eq!(u16::from(frame.code), 1000);
}

#[tokio::test]
async fn input_without_echo() {
    let sandbox = with_session().await;
    let body = json!({ "command": "read secret; echo ${#secret}", "runAsync": true, "suppressInputEcho": true });
    let id = launch(&sandbox, body).await;
    assert_eq!(sandbox.post(&of(&id, "/input"), json!({ "data": "hidden" })).await.status, 204);
    assert_eq!(tail(&sandbox, &of(&id, "/logs?follow=true"), &[NEWEST]).await, (b"\x01\x01\x016\n".to_vec(), 1000));
    assert_eq!(sandbox.get(&of(&id, "")).await.json["exitCode"], 0);
    // A synchronous command reads nothing.
    assert_eq!(streams(&sandbox, "read line; echo $?; cat").await.1, "1\n");
}

#[tokio::test]
async fn logs_in_every_way() {
    let sandbox = with_session().await;
    sandbox.execute("mkfifo go").await;
    let id =
        launch(&sandbox, json!({ "command": "echo one; read x < go; echo two >&2; (exit 5)", "async": true })).await;
    while logs(&sandbox, &id).await.stdout.is_empty() {}
    assert_eq!(tail(&sandbox, &of(&id, "/logs"), &[NEWEST]).await, (b"\x01\x01\x01one\n".to_vec(), 1000));
    let path = of(&id, "/logs?follow=true");
    let marked = tail(&sandbox, &path, &[NEWEST]);
    let combined = tail(&sandbox, &path, &[]);
    let chunks = async {
        let answer = sandbox.request(Method::GET, &path).header(NEWEST.0, NEWEST.1).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "application/octet-stream");
        answer.text().await.expect("all")
    };
    let (marked, combined, chunks, _) = tokio::join!(marked, combined, chunks, sandbox.execute("echo > go"));
    assert_eq!(marked, (b"\x01\x01\x01one\n\x02\x02\x02two\n".to_vec(), 1000));
    assert_eq!(combined, (b"one\ntwo\n".to_vec(), 1000));
    assert_eq!(chunks, "one\ntwo\n");
    assert_eq!(logs(&sandbox, &id).await.stderr, "two\n");
    // Browsers say their version among the subprotocols, and want one of them back.
    let headers = [("sec-websocket-protocol", "X-Daytona-SDK-Version~0.216.0")];
    let (_, answer) = sandbox.websocket(&path, &headers).await.expect("upgraded");
    assert_eq!(answer.headers()["sec-websocket-protocol"], headers[0].1);
    assert_eq!(tail(&sandbox, &path, &headers).await.0, b"\x01\x01\x01one\n\x02\x02\x02two\n");
}

#[tokio::test]
async fn one_after_another() {
    let sandbox = with_session().await;
    sandbox.execute("mkfifo go").await;
    let first = launch(&sandbox, json!({ "command": "read x < go; echo first >> order", "runAsync": true })).await;
    let behind = launch(&sandbox, json!({ "command": "echo second >> order", "runAsync": true })).await;
    let (ran, _) = tokio::join!(streams(&sandbox, "cat order"), sandbox.execute("echo > go"));
    assert_eq!(ran, clean(0, "first\nsecond\n"));
    for id in [first, behind] {
        assert_eq!(sandbox.get(&of(&id, "")).await.json["exitCode"], 0);
    }
}

#[tokio::test]
async fn a_command_in_the_background_holds_up_nobody() {
    let sandbox = with_session().await;
    sandbox.execute("mkfifo go").await;
    let ran = run(&sandbox, "(read x < go; echo late) & echo now").await;
    assert_eq!((ran.exit_code, ran.stdout.as_deref()), (Some(0), Some("now\n")));
    sandbox.execute("echo > go").await;
    // What it prints later is still its command's.
    while logs(&sandbox, &ran.cmd_id).await.stdout != "now\nlate\n" {}
    // What the shell does not wait for, but which ends at once, is part of the answer.
    assert_eq!(streams(&sandbox, "echo x > >(cat)").await.1, "x\n");
}

#[tokio::test]
async fn a_shell_that_exits() {
    let sandbox = with_session().await;
    sandbox.execute("mkfifo go").await;
    let body = json!({ "command": "echo before; read x < go; exit 3", "runAsync": true });
    let running = launch(&sandbox, body).await;
    let behind = launch(&sandbox, json!({ "command": "echo never", "runAsync": true })).await;
    let waits = ask(&sandbox, json!({ "command": "echo never" }));
    let (waits, _) = tokio::join!(waits, sandbox.execute("echo > go"));
    waits.assert_error(410, "SESSION_ENDED");
    assert_eq!(sandbox.get(&of(&running, "")).await.json["exitCode"], 3);
    assert_eq!(logs(&sandbox, &running).await.stdout, "before\n");
    assert_eq!(sandbox.get(&of(&behind, "")).await.json["exitCode"], -1);
    assert_eq!(tail(&sandbox, &of(&behind, "/logs?follow=true"), &[NEWEST]).await, (Vec::new(), 1000));
    ask(&sandbox, json!({ "command": "ls" })).await.assert_error(410, "SESSION_ENDED");
    sandbox.post(&of(&running, "/input"), json!({ "data": "x" })).await.assert_error(410, "SESSION_ENDED");
    sandbox.post("/process/session", json!({ "sessionId": "s" })).await.assert_error(409, "CONFLICT");
    assert_eq!(sandbox.delete("/process/session/s").await.status, 204);
    create(&sandbox, "s").await;
    // Who waits for the command that ends the shell has an answer too, whatever the end.
    assert_eq!(streams(&sandbox, "echo out; set -e; false; echo never").await, clean(1, "out\n"));
    for (command, code) in [("kill -9 $$", 137), ("exec sh -c 'echo other; exit 4'", 4), (": ${a:?missing}", 1)] {
        sandbox.delete("/process/session/s").await;
        create(&sandbox, "s").await;
        assert_eq!(streams(&sandbox, command).await.0, code, "{command}");
    }
}

#[tokio::test]
async fn who_waits_for_a_deleted_session_is_told() {
    let sandbox = with_session().await;
    sandbox.execute("mkfifo begun never").await;
    let waits = ask(&sandbox, json!({ "command": "echo > begun; read x < never" }));
    let deletes = async {
        sandbox.execute("read x < begun").await;
        sandbox.delete("/process/session/s").await
    };
    let (waits, deleted) = tokio::join!(waits, deletes);
    waits.assert_error(410, "SESSION_ENDED");
    assert_eq!(deleted.status, 204);
    sandbox.delete("/process/session/s").await.assert_error(404, "NOT_FOUND");
    let left: Vec<_> = walk(sandbox.home.path());
    assert!(left.iter().all(|path| path.is_dir()), "{left:?}");
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let inside = std::fs::read_dir(dir).expect("readable").map(|entry| entry.expect("an entry").path());
    inside.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Whether nothing with this number lives; what has ended may wait for its parent.
fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

#[tokio::test]
async fn deletion_ends_everything_that_came_of_it() {
    let sandbox = with_session().await;
    sandbox.execute("mkfifo never").await;
    let leaves = [
        "sh -c 'echo $$ >> pids; read x < never' &",
        // Of a session of its own; without a parent; both, and deaf to SIGTERM.
        "setsid sh -c 'echo $$ >> pids; read x < never' &",
        "(sh -c 'echo $$ >> pids; read x < never' &)",
        "(setsid sh -c 'trap \"\" TERM; echo $$ >> pids; while :; do read x < never; done' &)",
        "(env -i setsid sh -c 'echo $$ >> pids; while :; do read x < never; done' & read x < never) &",
    ];
    run(&sandbox, &leaves.join("\n")).await;
    run(&sandbox, "echo $$ >> pids; while [ $(wc -l < pids) -lt 6 ]; do sleep 0.01; done").await;
    let pids = sandbox.read("pids");
    assert!(pids.lines().all(|pid| !is_gone(pid)), "{pids}");
    assert_eq!(sandbox.delete("/process/session/s").await.status, 204);
    let left: Vec<_> = pids.lines().filter(|pid| !is_gone(pid)).collect();
    assert_eq!(left, Vec::<&str>::new());
    assert_eq!(sandbox.get("/process/session").await.json, json!([]));
}

#[tokio::test]
async fn a_shell_that_exits_leaves_no_zombie() {
    let sandbox = with_session().await;
    let pid = streams(&sandbox, "echo $$").await.1;
    run(&sandbox, "exit").await;
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
}

/// The command goes on, and the session with it.
#[tokio::test]
async fn a_caller_who_hangs_up() {
    let sandbox = with_session().await;
    sandbox.execute("mkfifo begun go").await;
    let waits = ask(&sandbox, json!({ "command": "echo > begun; read x < go; echo done" }));
    tokio::select! {
        biased;
        answer = waits => panic!("it waits: {}", answer.json),
        _ = sandbox.execute("read x < begun") => {}
    }
    let (ran, _) = tokio::join!(streams(&sandbox, "echo next"), sandbox.execute("echo > go"));
    assert_eq!(ran, clean(0, "next\n"));
    let session: Session = sandbox.get("/process/session/s").await.read();
    assert_eq!(session.commands[0].exit_code, Some(0));
    assert_eq!(logs(&sandbox, &session.commands[0].id).await.stdout, "done\n");
}

#[tokio::test]
async fn many_sessions_at_once() {
    let sandbox = Sandbox::start().await;
    let lives = (0..20).map(|number| {
        let sandbox = &sandbox;
        async move {
            create(sandbox, &format!("s{number}")).await;
            for step in 0..5 {
                let path = format!("/process/session/s{number}/exec");
                let body = json!({ "command": format!("n=$((n+1)); echo {number} $n") });
                let ran = sandbox.post(&path, body).await;
                assert_eq!(ran.json["output"], format!("{number} {}\n", step + 1));
            }
            assert_eq!(sandbox.delete(&format!("/process/session/s{number}")).await.status, 204);
        }
    });
    futures::future::join_all(lives).await;
}

#[tokio::test]
async fn the_same_name_at_the_same_time() {
    let sandbox = Sandbox::start().await;
    let create = || sandbox.post("/process/session", json!({ "sessionId": "s" }));
    let answers = futures::future::join_all((0..8).map(|_| create())).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(streams(&sandbox, "echo works").await, clean(0, "works\n"));
}
