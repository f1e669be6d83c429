//! `/process/interpreter/...`.

use futures::{SinkExt, StreamExt};
use paddock_wire::toolbox::interpreter::{Context, Contexts, Frame, FrameKind};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::sandbox::{Sandbox, answer};

const EXECUTE: &str = "/process/interpreter/execute";
const CONTEXT: &str = "/process/interpreter/context";

/// One execution, as a client sees it.
struct Execution(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// All of it.
#[derive(Debug, Default)]
struct Whole {
    frames: Vec<Frame>,
    code: u16,
    reason: String,
}

impl Execution {
    async fn open(sandbox: &Sandbox) -> Self {
        Self(connect_async(format!("ws://{}{EXECUTE}", sandbox.address)).await.expect("upgrades").0)
    }

    async fn begin(sandbox: &Sandbox, request: Value) -> Self {
        let mut execution = Self::open(sandbox).await;
        execution.0.send(Message::text(request.to_string())).await.expect("sends");
        execution
    }

    /// The next message of the server, or how it closed.
    async fn next(&mut self) -> Result<Frame, (u16, String)> {
        loop {
            match self.0.next().await.expect("a close frame comes first").expect("no error") {
                Message::Text(text) => return Ok(serde_json::from_str(&text).expect("a frame")),
                Message::Close(Some(close)) => return Err((close.code.into(), close.reason.to_string())),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    async fn whole(mut self) -> Whole {
        let mut whole = Whole::default();
        loop {
            match self.next().await {
                Ok(frame) => whole.frames.push(frame),
                Err((code, reason)) => return Whole { code, reason, ..whole },
            }
        }
    }
}

impl Whole {
    fn text(&self, kind: FrameKind) -> String {
        self.frames.iter().filter(|frame| frame.kind == kind).map(|frame| frame.text.as_str()).collect()
    }

    fn error(&self) -> &Frame {
        self.frames.iter().find(|frame| frame.kind == FrameKind::Error).expect("an error")
    }
}

async fn execute(sandbox: &Sandbox, request: Value) -> Whole {
    Execution::begin(sandbox, request).await.whole().await
}

/// Standard output of code that must go well.
async fn stdout(sandbox: &Sandbox, code: &str) -> String {
    let whole = execute(sandbox, json!({ "code": code })).await;
    assert_eq!((whole.code, whole.frames.last().expect("control").text.as_str()), (1000, "completed"), "{whole:?}");
    whole.text(FrameKind::Stdout)
}

async fn context(sandbox: &Sandbox, body: Value) -> String {
    sandbox.post(CONTEXT, body).await.read::<Context>().id
}

#[tokio::test]
async fn state_is_kept_and_messages_are_as_the_wire_has_them() {
    let sandbox = Sandbox::start().await;
    let first =
        execute(&sandbox, json!({ "code": "import sys\nx = 41\nprint('ä', x)\nprint('e', file=sys.stderr)\nx" }));
    let first = first.await;
    let frame = |kind, text: &str| Frame::output(kind, text.to_owned());
    let expected =
        [frame(FrameKind::Stdout, "ä 41\n"), frame(FrameKind::Stderr, "e\n"), frame(FrameKind::Control, "completed")];
    assert_eq!((first.frames.as_slice(), first.code), (expected.as_slice(), 1000));
    assert_eq!(stdout(&sandbox, "x += 1\nprint(x)\nprint(__name__, __import__('os').getcwd())").await, {
        format!("42\n__main__ {}\n", sandbox.dir.path().canonicalize().expect("exists").display())
    });
    // Both orders, as often as they change.
    let code = "for n in range(50):\n print(n)\n print(n, file=sys.stderr)\n print(n, end='')";
    let whole = execute(&sandbox, json!({ "code": code })).await;
    let order: Vec<_> = whole.frames.iter().map(|frame| (frame.kind, frame.text.trim().len())).collect();
    assert_eq!(order.iter().filter(|(kind, _)| *kind == FrameKind::Stderr).count(), 50, "{order:?}");
    assert!(order.windows(2).all(|pair| pair[0].0 != pair[1].0), "{order:?}");
}

#[tokio::test]
async fn errors_show_the_users_frames() {
    let sandbox = Sandbox::start().await;
    sandbox.write("mine.py", "def fail():\n    raise KeyError('no')\n");
    stdout(&sandbox, "def earlier():\n    import json\n    return json.loads('x')  # here").await;
    let whole = execute(&sandbox, json!({ "code": "print('before')\n\nearlier()" })).await;
    let error = whole.error();
    assert_eq!(
        (error.name.as_str(), error.value.as_str()),
        ("JSONDecodeError", "Expecting value: line 1 column 1 (char 0)")
    );
    let trace = &error.traceback;
    assert!(
        trace.starts_with("Traceback (most recent call last):\n  File \"<stdin>\", line 3, in <module>\n"),
        "{trace}"
    );
    assert!(trace.contains("line 3, in earlier\n    return json.loads('x')  # here\n"), "{trace}");
    assert!(!trace.contains("decoder.py") && !trace.contains("<string>") && !trace.contains("stdin-"), "{trace}");
    let kinds: Vec<_> = whole.frames.iter().map(|frame| frame.kind).collect();
    assert_eq!(kinds, [FrameKind::Stdout, FrameKind::Error, FrameKind::Control]);
    assert_eq!(whole.code, 1000);

    let whole = execute(&sandbox, json!({ "code": "import mine\nmine.fail()" })).await;
    assert!(whole.error().traceback.contains("mine.py\", line 2, in fail"), "{whole:?}");
    let whole = execute(&sandbox, json!({ "code": "x = (" })).await;
    assert_eq!(
        (whole.error().name.as_str(), whole.error().value.as_str()),
        ("SyntaxError", "'(' was never closed (<stdin>, line 1)")
    );
    assert!(whole.error().traceback.contains("File \"<stdin>\", line 1\n    x = (\n"), "{whole:?}");
    for hostile in
        ["class E(Exception):\n def __str__(self): raise E\nraise E", "raise ExceptionGroup('g', [ValueError(1)])"]
    {
        assert_eq!(execute(&sandbox, json!({ "code": hostile })).await.code, 1000);
    }
    let whole = execute(&sandbox, json!({ "code": "raise ValueError('x' * 10_000_000)" })).await;
    assert!(whole.error().value.len() < 10_000 && whole.error().traceback.len() < 20_000);
    // An exit is none.
    assert_eq!(stdout(&sandbox, "print(1)\nexit(3)").await, "1\n");
    assert_eq!(stdout(&sandbox, "print(callable(earlier))").await, "True\n");
}

#[tokio::test]
async fn variables_are_set_for_one_execution() {
    let sandbox = Sandbox::start().await;
    sandbox.post("/env", json!({ "set": { "OF_SANDBOX": "1" } })).await;
    stdout(&sandbox, "import os, subprocess\nos.environ['OLD'] = 'old'").await;
    let code = "print(os.environ['OLD'], os.environ['NEW'])\nos.environ['OLD'] = 'changed'\nsubprocess.run('echo $NEW', shell=True)";
    let whole = execute(&sandbox, json!({ "code": code, "envs": { "OLD": "x", "NEW": "ü y" } })).await;
    assert_eq!(whole.text(FrameKind::Stdout), "x ü y\nü y\n");
    let code = "print(os.environ['OLD'], os.environ.get('NEW'), os.environ['OF_SANDBOX'])";
    assert_eq!(stdout(&sandbox, code).await, "old None 1\n");
    let whole = execute(&sandbox, json!({ "code": "1", "envs": { "A B": "" } })).await;
    assert_eq!(whole.code, 1008, "{whole:?}");
}

#[tokio::test]
async fn programs_and_threads_print_too_and_read_nothing() {
    let sandbox = Sandbox::start().await;
    let code = "import os, subprocess, threading\nprint('a')\nos.system('echo b; echo c >&2')\n\
        print('d')\nsubprocess.run(['sh', '-c', 'echo e; cat'])\n\
        thread = threading.Thread(target=lambda: print('f'))\nthread.start(); thread.join()\n\
        try:\n    input()\nexcept EOFError:\n    print('nothing to read')\n\
        if os.fork() == 0:\n    print('child')\nelse:\n    os.wait()\n    print('parent')";
    let whole = execute(&sandbox, json!({ "code": code })).await;
    assert_eq!(whole.text(FrameKind::Stdout), "a\nb\nd\ne\nf\nnothing to read\nchild\nparent\n");
    assert_eq!((whole.text(FrameKind::Stderr).as_str(), whole.code), ("c\n", 1000));
    assert_eq!(stdout(&sandbox, "print('one worker', os.getpid() == os.getpid())").await, "one worker True\n");
    // What is printed between executions is nobody's, and holds nobody up.
    let code = "def print_on():\n    for n in range(20_000): print('x' * 100)\n    done.set()\n\
        done = threading.Event()\nprinting = threading.Thread(target=print_on)\nprinting.start()";
    assert_eq!(execute(&sandbox, json!({ "code": code })).await.code, 1000);
    assert_eq!(execute(&sandbox, json!({ "code": "done.wait()" })).await.code, 1000);
    assert!(stdout(&sandbox, "print('end')").await.ends_with("end\n"));
}

#[tokio::test]
async fn a_timeout_keeps_the_state_of_code_that_listens() {
    let sandbox = Sandbox::start().await;
    stdout(&sandbox, "import subprocess, time\nkept = 'kept'\nserver = subprocess.Popen(['sleep', '4001'])").await;
    let whole =
        execute(&sandbox, json!({ "code": "print('begun')\nwhile True: time.sleep(100)", "timeout": 0.5 })).await;
    assert_eq!((whole.code, whole.text(FrameKind::Stdout).as_str()), (4008, "begun\n"));
    assert!(whole.reason.contains("is kept"), "{}", whole.reason);
    assert_eq!(whole.frames.len(), 1, "a control message would look like success: {whole:?}");
    assert_eq!(stdout(&sandbox, "print(kept, server.poll())").await, "kept None\n");
    // A shell that is waited for by system(3), which does not listen itself.
    let whole = execute(&sandbox, json!({ "code": "import os\nos.system('sleep 4002')", "timeout": 0.5 })).await;
    assert_eq!(whole.code, 4008, "{whole:?}");
    assert_eq!(stdout(&sandbox, "print(kept)\nserver.kill()").await, "kept\n");
}

#[tokio::test]
async fn a_timeout_kills_code_that_does_not_listen() {
    let sandbox = Sandbox::start().await;
    let code = "state = 1\nimport time\nwhile True:\n    try:\n        time.sleep(100)\n    except BaseException: pass";
    let whole = execute(&sandbox, json!({ "code": code, "timeout": 0.5 })).await;
    assert_eq!(whole.code, 4008);
    assert!(whole.reason.contains("is lost"), "{}", whole.reason);
    assert_eq!(stdout(&sandbox, "print('state' in globals())").await, "False\n");
}

#[tokio::test]
async fn a_worker_that_ends_is_told_and_replaced() {
    let sandbox = Sandbox::start().await;
    for (code, why) in [
        ("import os; print('last', flush=True); os._exit(3)", "exit code 3"),
        ("import os; print('last', flush=True); os.kill(os.getpid(), 9)", "SIGKILL"),
        ("import os; print('last', flush=True); os.kill(os.getpid(), 11)", "SIGSEGV"),
    ] {
        let whole = execute(&sandbox, json!({ "code": code })).await;
        assert_eq!((whole.code, whole.text(FrameKind::Stdout).as_str()), (1001, "last\n"), "{whole:?}");
        assert!(whole.reason.contains(why) && whole.error().value.contains(why), "{whole:?}");
        assert_eq!(stdout(&sandbox, "print('os' in globals())").await, "False\n");
    }
    // Between two executions.
    let code = "import os, threading\nthreading.Timer(0, lambda: os._exit(1)).start()";
    let _ = execute(&sandbox, json!({ "code": code })).await;
    assert_eq!(execute(&sandbox, json!({ "code": "1" })).await.frames.len(), 1);
    // One that throws its connection away.
    let whole = execute(&sandbox, json!({ "code": "import os; os.closerange(3, 100)\nwhile True: pass" })).await;
    assert_eq!(whole.code, 1001, "{whole:?}");
    assert_eq!(stdout(&sandbox, "print(1)").await, "1\n");
}

#[tokio::test]
async fn contexts_live_apart() {
    let sandbox = Sandbox::start().await;
    sandbox.write("sub/file", "");
    let first = context(&sandbox, json!({ "cwd": "sub" })).await;
    let second = context(&sandbox, json!({ "language": "python" })).await;
    let list = sandbox.get(CONTEXT).await.read::<Contexts>().contexts;
    let ids: Vec<_> = list.iter().map(|context| context.id.as_str()).collect();
    assert_eq!(ids, [&first, &second]);
    assert!(list[0].cwd.ends_with("/sub") && list[0].active && list[0].language == "python");
    let run = |context: &str, code: &str| execute(&sandbox, json!({ "code": code, "contextId": context }));
    assert_eq!(run(&first, "import os; x = 1; print(os.listdir())").await.text(FrameKind::Stdout), "['file']\n");
    assert_eq!(run(&second, "x").await.error().name, "NameError");
    assert_eq!(run("default", "x").await.error().name, "NameError");
    assert_eq!(run(&first, "print(x)").await.text(FrameKind::Stdout), "1\n");

    let mut running =
        Execution::begin(&sandbox, json!({ "contextId": first, "code": "print(1)\nwhile True: pass" })).await;
    assert_eq!(running.next().await.expect("runs").text, "1\n");
    let waiting = Execution::begin(&sandbox, json!({ "contextId": first, "code": "print(2)" })).await;
    let delete = async |id: &str| answer(sandbox.request(Method::DELETE, &format!("{CONTEXT}/{id}"))).await;
    assert!(delete(&first).await.json["message"].is_string());
    let ended = running.whole().await;
    assert_eq!(ended.code, 1001, "{ended:?}");
    let refused = waiting.whole().await;
    assert_eq!((refused.code, refused.reason), (1008, format!("context not found: {first}")));
    delete(&first).await.assert_error(404, "NOT_FOUND");
    delete("default").await.assert_error(400, "BAD_REQUEST");
    assert_eq!(run(&first, "1").await.reason, format!("context not found: {first}"));
    assert_eq!(sandbox.get(CONTEXT).await.read::<Contexts>().contexts.len(), 1);
    delete(&second).await;
    let create = |body: Value| sandbox.post(CONTEXT, body);
    create(json!({ "language": "ruby" })).await.assert_error(400, "BAD_REQUEST");
    create(json!({ "cwd": "/no/such/place" })).await.assert_error(400, "BAD_REQUEST");
    create(json!({ "cwd": "a\u{0}" })).await.assert_error(400, "INVALID_FILE_PATH");
    create(json!({ "cwd": 1 })).await.assert_error(400, "INVALID_REQUEST_BODY");
    assert!(sandbox.get(CONTEXT).await.read::<Contexts>().contexts.is_empty());
}

#[tokio::test]
async fn executions_take_their_turn() {
    let sandbox = Sandbox::start().await;
    stdout(&sandbox, "turns = []").await;
    sandbox.execute("mkfifo go").await;
    let mut first = Execution::begin(&sandbox, json!({ "code": "print('first')\nopen('go').read()" })).await;
    assert_eq!(first.next().await.expect("runs").text, "first\n");
    let mut waiting = Vec::new();
    for number in 0..10 {
        let code = json!({ "code": format!("turns.append({number})") });
        waiting.push(Execution::begin(&sandbox, code).await);
        // Its turn is that of its request, so the request must be there. A context that is created after it tells so.
        waiting.last_mut().expect("one").0.send(Message::Ping("x".into())).await.expect("sends");
        while !matches!(waiting.last_mut().expect("one").0.next().await, Some(Ok(Message::Pong(_)))) {}
    }
    // One who leaves loses only the own turn.
    drop(waiting.remove(3));
    sandbox.execute("echo > go").await;
    for execution in waiting {
        assert_eq!(execution.whole().await.code, 1000);
    }
    let turns = stdout(&sandbox, "print(turns)").await;
    assert!(turns == "[0, 1, 2, 4, 5, 6, 7, 8, 9]\n" || turns == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n", "{turns}");
}

#[tokio::test]
async fn a_client_that_goes_away_interrupts() {
    let sandbox = Sandbox::start().await;
    stdout(&sandbox, "kept = 1").await;
    let code = "import time\nprint('begun')\ntry:\n    time.sleep(4003)\nfinally:\n    ended = True";
    let mut execution = Execution::begin(&sandbox, json!({ "code": code, "timeout": 0 })).await;
    assert_eq!(execution.next().await.expect("runs").text, "begun\n");
    drop(execution);
    assert_eq!(stdout(&sandbox, "print(kept, ended)").await, "1 True\n");
}

#[tokio::test]
async fn much_output_waits_for_its_reader() {
    let sandbox = Sandbox::start().await;
    let code = "for n in range(300_000): print(f'{n:0100}')\nprint('end')";
    let mut execution = Execution::begin(&sandbox, json!({ "code": code })).await;
    let first = execution.next().await.expect("prints").text;
    // It reads no more for now, and others are served.
    let other = context(&sandbox, json!({})).await;
    assert_eq!(execute(&sandbox, json!({ "code": "print(1)", "contextId": other })).await.code, 1000);
    let whole = execution.whole().await;
    let printed = first + &whole.text(FrameKind::Stdout);
    assert_eq!((whole.code, printed.len(), printed.lines().last()), (1000, 300_000 * 101 + 4, Some("end")));
    // Its time is up, though its client reads nothing.
    let code = json!({ "code": "while True: print('x' * 1000)", "timeout": 0.5 });
    let whole = execute(&sandbox, code.clone()).await;
    assert_eq!(whole.code, 4008);
    let unread = Execution::begin(&sandbox, code).await;
    assert_eq!(stdout(&sandbox, "print('next')").await, "next\n");
    drop(unread);
}

#[tokio::test]
async fn pings_are_answered_while_it_runs() {
    let sandbox = Sandbox::start().await;
    let mut execution = Execution::begin(&sandbox, json!({ "code": "print(1)\nwhile True: pass" })).await;
    assert_eq!(execution.next().await.expect("runs").text, "1\n");
    execution.0.send(Message::Ping("are you there".into())).await.expect("sends");
    loop {
        if let Message::Pong(word) = execution.0.next().await.expect("open").expect("no error") {
            assert_eq!(word, "are you there".as_bytes());
            break;
        }
    }
}

#[tokio::test]
async fn requests_that_are_none() {
    let sandbox = Sandbox::start().await;
    for (request, code) in [
        ("{", 1002),
        ("[]", 1002),
        (r#"{"code":1}"#, 1002),
        ("{}", 1008),
        (r#"{"code":" \n"}"#, 1008),
        (r#"{"code":"1","timeout":-1}"#, 1008),
        (r#"{"code":"1","contextId":"none"}"#, 1008),
    ] {
        let mut execution = Execution::open(&sandbox).await;
        execution.0.send(Message::text(request)).await.expect("sends");
        let whole = execution.whole().await;
        assert_eq!((whole.code, whole.frames.len()), (code, 0), "{request}: {whole:?}");
        assert!(!whole.reason.is_empty());
    }
    let mut binary = Execution::open(&sandbox).await;
    binary.0.send(Message::binary(r#"{"code":"1"}"#)).await.expect("sends");
    assert_eq!(binary.whole().await.code, 1000);
    sandbox.get(EXECUTE).await.assert_error(400, "BAD_REQUEST");
    let mut request = format!("ws://{}{EXECUTE}", sandbox.address).into_client_request().expect("a URL");
    let offered = "X-Daytona-SDK-Version~1.2.3, other";
    request.headers_mut().insert("Sec-WebSocket-Protocol", offered.parse().expect("a header"));
    let (_, response) = connect_async(request).await.expect("upgrades");
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "X-Daytona-SDK-Version~1.2.3");
}

#[tokio::test]
async fn a_sandbox_without_python_says_so() {
    let sandbox = Sandbox::start().await;
    sandbox.post("/env", json!({ "set": { "PATH": "/nowhere" } })).await;
    let created = sandbox.post(CONTEXT, json!({})).await;
    created.assert_error(500, "INTERNAL_SERVER_ERROR");
    assert!(created.json["message"].as_str().expect("text").contains("no python3"), "{}", created.json);
    let whole = execute(&sandbox, json!({ "code": "1" })).await;
    assert_eq!(whole.code, 1011, "{whole:?}");
}

/// A file beside the code must not take the place of a module that the worker needs.
#[tokio::test]
async fn the_users_modules_are_the_users() {
    let sandbox = Sandbox::start().await;
    for name in ["json", "traceback", "signal", "socket", "linecache"] {
        sandbox.write(&format!("{name}.py"), "raise SystemError('shadowed')");
    }
    sandbox.write("mine.py", "value = 7");
    assert_eq!(stdout(&sandbox, "import mine\nprint(mine.value)").await, "7\n");
    assert_eq!(execute(&sandbox, json!({ "code": "1/0" })).await.error().name, "ZeroDivisionError");
}
