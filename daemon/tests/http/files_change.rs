//! `/files/folder`, `/files/move`, `/files/permissions`, `/files/replace`, `DELETE /files`.

use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox, answer};

async fn post(sandbox: &Sandbox, path_and_query: &str) -> Answer {
    answer(sandbox.request(Method::POST, path_and_query)).await
}

#[tokio::test]
async fn folder() {
    let sandbox = Sandbox::start().await;
    let made = post(&sandbox, "/files/folder?path=a/b&mode=0700").await;
    assert_eq!((made.status, made.json), (201, Value::Null));
    let mode = std::fs::metadata(sandbox.path("a/b")).expect("stat").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(post(&sandbox, "/files/folder?path=a/b").await.status, 201, "again is fine");
    sandbox.write("file", "");
    post(&sandbox, "/files/folder?path=file").await.assert_error(400, "BAD_REQUEST");
    post(&sandbox, "/files/folder?path=c&mode=rwx").await.assert_error(400, "BAD_REQUEST");
    post(&sandbox, "/files/folder?mode=755").await.assert_error(400, "INVALID_FILE_PATH");
}

#[tokio::test]
async fn relocate() {
    let sandbox = Sandbox::start().await;
    sandbox.write("a", "content");
    sandbox.write("taken", "");
    post(&sandbox, "/files/move?source=a&destination=taken").await.assert_error(409, "CONFLICT");
    post(&sandbox, "/files/move?source=none&destination=b").await.assert_error(404, "FILE_NOT_FOUND");
    post(&sandbox, "/files/move?source=a&destination=no/b").await.assert_error(404, "FILE_NOT_FOUND");
    assert_eq!(post(&sandbox, "/files/move?source=a&destination=b").await.status, 200);
    assert!(sandbox.read("b") == "content" && !sandbox.path("a").exists());
}

#[tokio::test]
async fn permissions() {
    let sandbox = Sandbox::start().await;
    sandbox.write("file", "");
    assert_eq!(post(&sandbox, "/files/permissions?path=file&mode=640").await.status, 200);
    assert_eq!(sandbox.get("/files/info?path=file").await.json["permissions"], "0640");
    let unknown = post(&sandbox, "/files/permissions?path=file&owner=nosuchuser").await;
    unknown.assert_error(400, "BAD_REQUEST");
    assert_eq!(unknown.json["message"], "user not found");
    post(&sandbox, "/files/permissions?path=none&mode=640").await.assert_error(404, "FILE_NOT_FOUND");
}

#[tokio::test]
async fn replace() {
    let sandbox = Sandbox::start().await;
    sandbox.write("a", "x.x");
    sandbox.write("b", "nothing");
    let body = json!({ "files": ["a", "none", "b"], "pattern": "x", "newValue": "yy" });
    let replaced = sandbox.post("/files/replace", body).await.json;
    assert_eq!(replaced[0], json!({ "file": "a", "success": true }));
    assert_eq!(replaced[1]["success"], false);
    assert!(replaced[1]["error"].as_str().expect("a reason").contains("no such file"));
    assert_eq!(replaced[2]["success"], true);
    assert_eq!(sandbox.read("a"), "yy.yy");
    sandbox.post("/files/replace", json!({ "files": ["a"], "pattern": "yy" })).await;
    assert_eq!(sandbox.read("a"), ".");
    sandbox.post("/files/replace", json!({ "files": ["a"] })).await.assert_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn delete() {
    let sandbox = Sandbox::start().await;
    sandbox.write("dir/file", "");
    let delete = |query: &str| answer(sandbox.request(Method::DELETE, &format!("/files?path={query}")));
    delete("dir").await.assert_error(400, "BAD_REQUEST");
    delete("dir&recursive=false").await.assert_error(400, "BAD_REQUEST");
    assert_eq!(delete("dir/file&recursive=false").await.status, 204);
    assert_eq!(delete("dir&recursive=true").await.status, 204);
    delete("dir&recursive=true").await.assert_error(404, "FILE_NOT_FOUND");
}
