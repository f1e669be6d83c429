//! `/lsp/...`, with a server that is a few lines of Python: the real ones are tried with the SDKs.

use paddock_wire::toolbox::lsp::{CompletionList, Symbol};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, encode};

/// Knows what was opened and answers with it; each name asks for another behaviour.
const SERVER: &str = r#"#!/usr/bin/env python3
import json, os, sys
texts, read, write = {}, sys.stdin.buffer, sys.stdout.buffer
def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    write.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    write.flush()
def receive():
    length = 0
    while line := read.readline().strip():
        length = int(line.split(b":")[1])
    return json.loads(read.read(length)) if length else sys.exit(1)
where = {"start": {"line": 1, "character": 2}, "end": {"line": 3, "character": 4}}
while True:
    message = receive()
    method, params = message.get("method"), message.get("params")
    if method == "textDocument/didOpen":
        assert params["textDocument"]["uri"] not in texts
        texts[params["textDocument"]["uri"]] = params["textDocument"]
    elif method == "textDocument/didChange":
        document = texts[params["textDocument"]["uri"]]
        document.update(params["textDocument"], text=params["contentChanges"][0]["text"])
    elif method == "textDocument/didClose":
        del texts[params["textDocument"]["uri"]]
    elif method == "initialize":
        open("initialized", "a").write(params["rootUri"] + "\n")
        send({"id": "mine", "method": "workspace/configuration", "params": {"items": [{}, {}]}})
        answer = receive()
        assert answer["id"] == "mine" and answer["result"] == [None, None], answer
        send({"method": "window/logMessage", "params": {}})
        send({"id": message["id"], "result": {"capabilities": {}}})
    elif method == "textDocument/completion":
        document = texts[params["textDocument"]["uri"]]
        label = f"{document['languageId']} {document['version']} {document['text']} {params['position']['line']}"
        item = {"label": label, "kind": 3, "documentation": "about", "data": 1}
        send({"id": message["id"], "result": {"items": [item]}})
    elif method == "textDocument/documentSymbol":
        name = " ".join(sorted(texts[params["textDocument"]["uri"]]["text"].split()))
        child = {"name": "child", "kind": 6, "range": where}
        send({"id": message["id"], "result": [{"name": name, "kind": 5, "range": where, "children": [child]}]})
    elif method == "workspace/symbol" and params["query"] == "die":
        os._exit(1)
    elif method == "workspace/symbol" and params["query"] == "refuse":
        send({"id": message["id"], "error": {"code": -32601, "message": "I do not"}})
    elif method == "workspace/symbol":
        location = {"uri": "file:///x", "range": where}
        send({"id": message["id"], "result": [{"name": params["query"], "kind": 12, "location": location}]})
    elif method == "shutdown":
        open("shut-down", "w").close()
        send({"id": message["id"], "result": None})
    elif method == "exit":
        sys.exit(0)
"#;

async fn with_server() -> Sandbox {
    let sandbox = Sandbox::start().await;
    sandbox.write_program("bin/pylsp", SERVER).await;
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").expect("a path"));
    sandbox.post("/env", json!({ "set": { "PATH": path } })).await;
    sandbox.write("project/a.py", "one two");
    sandbox
}

fn python(more: Value) -> Value {
    let mut body = json!({ "languageId": "python", "pathToProject": "project" });
    body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
    body
}

async fn start(sandbox: &Sandbox) {
    assert_eq!(sandbox.post("/lsp/start", python(json!({}))).await.status, 200);
}

async fn symbols(sandbox: &Sandbox, query: &str) -> crate::sandbox::Answer {
    sandbox.get(&format!("/lsp/workspacesymbols?languageId=python&pathToProject=project&query={query}")).await
}

#[tokio::test]
async fn a_project_from_start_to_stop() {
    let sandbox = with_server().await;
    futures::future::join_all((0..5).map(|_| start(&sandbox))).await;
    let roots = sandbox.read("project/initialized");
    let root = sandbox.path("project").canonicalize().expect("exists");
    assert_eq!(roots, format!("file://{}\n", root.display()), "started once");

    let document = python(json!({ "uri": "file://project/a.py" }));
    let ask = async || {
        let mut request = document.clone();
        request["position"] = json!({ "line": 7, "character": 1 });
        request["context"] = json!({ "triggerKind": 1 });
        let list: CompletionList = sandbox.post("/lsp/completions", request).await.read();
        assert_eq!((list.is_incomplete, list.items.len()), (false, 1));
        assert_eq!(list.items[0].documentation, Some(json!({ "kind": "plaintext", "value": "about" })));
        list.items[0].label.clone()
    };
    assert_eq!(sandbox.post("/lsp/did-open", document.clone()).await.status, 200);
    assert_eq!(ask().await, "python 1 one two 7");
    sandbox.write("project/a.py", "changed");
    assert_eq!(ask().await, "python 1 one two 7", "as it was opened");
    assert_eq!(sandbox.post("/lsp/did-open", document.clone()).await.status, 200);
    assert_eq!(ask().await, "python 2 changed 7");
    for _ in 0..2 {
        assert_eq!(sandbox.post("/lsp/did-close", document.clone()).await.status, 200);
    }
    assert_eq!(ask().await, "python 1 changed 7", "opened when it is needed");

    let uri = encode("file://project/a.py");
    let query = format!("/lsp/document-symbols?languageId=python&pathToProject=project&uri={uri}");
    let found: Vec<Symbol> = sandbox.get(&query).await.read();
    let names: Vec<_> = found.iter().map(|symbol| symbol.name.as_str()).collect();
    assert_eq!(names, ["changed", "child"]);
    assert_eq!(found[1].location.uri, format!("file://{}/a.py", root.display()));
    assert_eq!((found[1].location.range.start.line, found[1].kind), (1, 6));
    let found: Vec<Symbol> = symbols(&sandbox, "word").await.read();
    assert_eq!((found[0].name.as_str(), found[0].location.uri.as_str()), ("word", "file:///x"));

    assert_eq!(sandbox.post("/lsp/stop", python(json!({}))).await.status, 200);
    assert!(sandbox.path("project/shut-down").exists());
    symbols(&sandbox, "word").await.assert_error(400, "LSP_SERVER_NOT_INITIALIZED");
    sandbox.post("/lsp/stop", python(json!({}))).await.assert_error(400, "LSP_SERVER_NOT_INITIALIZED");
}

#[tokio::test]
async fn a_server_that_dies_can_be_started_again() {
    let sandbox = with_server().await;
    start(&sandbox).await;
    symbols(&sandbox, "refuse").await.assert_error(500, "INTERNAL_SERVER_ERROR");
    symbols(&sandbox, "die").await.assert_error(500, "INTERNAL_SERVER_ERROR");
    symbols(&sandbox, "word").await.assert_error(400, "LSP_SERVER_NOT_INITIALIZED");
    start(&sandbox).await;
    assert_eq!(symbols(&sandbox, "word").await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_asked() {
    let sandbox = with_server().await;
    let start = |body: Value| sandbox.post("/lsp/start", body);
    start(json!({ "languageId": "cobol", "pathToProject": "project" })).await.assert_error(400, "BAD_REQUEST");
    start(json!({ "languageId": "python" })).await.assert_error(400, "INVALID_FILE_PATH");
    start(json!({ "languageId": "python", "pathToProject": "none" })).await.assert_error(404, "FILE_NOT_FOUND");
    start(json!({ "languageId": "python", "pathToProject": "project/a.py" })).await.assert_error(400, "BAD_REQUEST");
    sandbox.post("/env", json!({ "set": { "PATH": "/nowhere" } })).await;
    let missing = start(python(json!({}))).await;
    missing.assert_error(500, "INTERNAL_SERVER_ERROR");
    assert!(missing.json["message"].as_str().expect("text").contains("pylsp"), "{}", missing.json);
    symbols(&sandbox, "").await.assert_error(400, "BAD_REQUEST");
    let document = python(json!({ "uri": "file://project/a.py" }));
    for path in ["/lsp/did-open", "/lsp/did-close"] {
        sandbox.post(path, document.clone()).await.assert_error(400, "LSP_SERVER_NOT_INITIALIZED");
    }
    sandbox.post("/lsp/completions", document).await.assert_error(400, "INVALID_REQUEST_BODY");
}

#[tokio::test]
async fn files_that_cannot_be_opened() {
    let sandbox = with_server().await;
    start(&sandbox).await;
    let open = |uri: &str| sandbox.post("/lsp/did-open", python(json!({ "uri": uri })));
    open("file://project/none.py").await.assert_error(404, "FILE_NOT_FOUND");
    open("file://project").await.assert_error(400, "INVALID_FILE_PATH");
    open("").await.assert_error(400, "INVALID_FILE_PATH");
}
