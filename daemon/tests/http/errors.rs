//! What is wrong has the wire's body, whatever it is.

use reqwest::Method;
use serde_json::json;

use crate::sandbox::{Sandbox, answer};

#[tokio::test]
async fn routes_and_methods() {
    let sandbox = Sandbox::start().await;
    let unknown = sandbox.get("/no/such/route?x=1").await;
    unknown.assert_error(404, "NOT_FOUND");
    assert_eq!((&unknown.json["path"], &unknown.json["method"]), (&json!("/no/such/route"), &json!("GET")));
    sandbox.get("/process/execute").await.assert_error(405, "METHOD_NOT_ALLOWED");
    sandbox.post("/version", json!({})).await.assert_error(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn bodies() {
    let sandbox = Sandbox::start().await;
    for body in ["{", "[]", "\"text\"", "{\"command\": 1}", "\u{0}"] {
        let request = sandbox.request(Method::POST, "/process/execute").body(body);
        answer(request).await.assert_error(400, "INVALID_REQUEST_BODY");
    }
    let huge = format!("{{\"command\": \"{}\"}}", "x".repeat(40 * 1024 * 1024));
    let request = sandbox.request(Method::POST, "/process/execute").body(huge);
    answer(request).await.assert_error(413, "REQUEST_BODY_TOO_LARGE");
}

#[tokio::test]
async fn paths() {
    let sandbox = Sandbox::start().await;
    sandbox.write("file", "");
    for (path, status, code) in [
        ("/files/info?path=none", 404, "FILE_NOT_FOUND"),
        ("/files/info?path=a%00b", 400, "INVALID_FILE_PATH"),
        ("/files/info", 400, "INVALID_FILE_PATH"),
        ("/files/info?path=file/below", 400, "BAD_REQUEST"),
        ("/files?path=none", 404, "FILE_NOT_FOUND"),
        ("/files?path=file", 400, "BAD_REQUEST"),
        ("/files?path=.&depth=0", 400, "BAD_REQUEST"),
        ("/files?path=.&depth=x", 400, "BAD_REQUEST"),
        ("/files/download?path=.", 400, "INVALID_FILE_PATH"),
        ("/files/download", 400, "INVALID_FILE_PATH"),
        ("/files/download?path=none", 404, "FILE_NOT_FOUND"),
        ("/files/download?path=/dev/zero", 400, "INVALID_FILE_PATH"),
        ("/files/find?path=.", 400, "BAD_REQUEST"),
        ("/files/search?path=.&pattern=%5B", 400, "BAD_REQUEST"),
    ] {
        sandbox.get(path).await.assert_error(status, code);
    }
    let long = "n".repeat(5000);
    sandbox.get(&format!("/files/info?path={long}")).await.assert_error(400, "INVALID_FILE_PATH");
    let body = json!({ "files": ["n".repeat(10 * 1024 * 1024)], "pattern": "a" });
    let answer = sandbox.post("/files/replace", body).await;
    assert!(answer.json[0]["error"].as_str().expect("refused").contains("longer than 255"));
}
