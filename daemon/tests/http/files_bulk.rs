//! `/files/bulk-upload`, `/files/bulk-download`, with the SDKs' part names.

use std::fs::File;

use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sandbox::{Answer, Sandbox, answer};

async fn upload(sandbox: &Sandbox, form: Form) -> Answer {
    answer(sandbox.request(Method::POST, "/files/bulk-upload").multipart(form)).await
}

fn file(content: &str) -> Part {
    Part::bytes(content.as_bytes().to_vec()).file_name("ignored")
}

#[tokio::test]
async fn paths_first_as_python_sends_them() {
    let sandbox = Sandbox::start().await;
    let form = Form::new()
        .text("files[0].path", "a/b/one")
        .text("files[1].path", "two")
        .part("files[0].file", file("1"))
        .part("unknown", file("x"))
        .part("files[1].file", file(""));
    let uploaded = upload(&sandbox, form).await;
    let expected = json!({ "files": [{ "path": "a/b/one", "bytes": 1 }, { "path": "two", "bytes": 0 }] });
    assert_eq!((uploaded.status, uploaded.json), (200, expected));
    assert_eq!((sandbox.read("a/b/one").as_str(), sandbox.read("two").as_str()), ("1", ""));
}

#[tokio::test]
async fn alternating_and_streamed_as_typescript_sends_them() {
    let sandbox = Sandbox::start().await;
    let chunks = (0..64).map(|number| Ok::<_, std::io::Error>(vec![number; 100_000]));
    let streamed = Part::stream(Body::wrap_stream(futures::stream::iter(chunks))).file_name("big");
    let form = Form::new()
        .text("files[0].path", "big")
        .part("files[0].file", streamed)
        .text("files[1].path", "small")
        .part("files[1].file", file("small"));
    let uploaded = upload(&sandbox, form).await;
    assert_eq!(uploaded.json["files"][0], json!({ "path": "big", "bytes": 6_400_000 }));
    let stored = std::fs::read(sandbox.path("big")).expect("read");
    assert!(
        stored.chunks(100_000).enumerate().all(|(number, chunk)| chunk.iter().all(|byte| *byte as usize == number))
    );
    assert_eq!(sandbox.read("small"), "small");
}

#[tokio::test]
async fn one_failure_keeps_the_others() {
    let sandbox = Sandbox::start().await;
    sandbox.write("file", "");
    let form = Form::new()
        .text("files[0].path", "file/below")
        .part("files[0].file", file(&"x".repeat(1_000_000)))
        .part("files[1].file", file("nowhere"))
        .text("files[2].path", "good")
        .part("files[2].file", file("good"));
    let uploaded = upload(&sandbox, form).await;
    uploaded.assert_error(400, "BAD_REQUEST");
    let errors = uploaded.json["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 2);
    assert!(errors[0].as_str().expect("text").starts_with("file[0]: "));
    assert_eq!(errors[1], "file[1]: missing .path metadata");
    assert_eq!(uploaded.json["files"], json!([{ "path": "good", "bytes": 4 }]));
    let request = sandbox.request(Method::POST, "/files/bulk-upload").body("no form");
    let refused = answer(request).await;
    refused.assert_error(400, "BAD_REQUEST");
    assert_eq!(refused.json["errors"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn paths_have_their_bounds() {
    let sandbox = Sandbox::start().await;
    let form = Form::new()
        .text("files[0].path", "n".repeat(17 * 1024))
        .text("files[1].path", "slash/")
        .text("files[2].path", "good")
        .part("files[0].file", file("x"))
        .part("files[1].file", file("x"))
        .part("files[2].file", file("good"));
    let uploaded = upload(&sandbox, form).await;
    uploaded.assert_error(400, "BAD_REQUEST");
    let errors: Vec<&str> =
        uploaded.json["errors"].as_array().expect("errors").iter().filter_map(Value::as_str).collect();
    assert_eq!(errors[..2], ["file[0]: the path is too long", "file[0]: missing .path metadata"]);
    assert!(errors.len() == 3 && errors[2].starts_with("file[1]: invalid path"), "{errors:?}");
    assert_eq!(uploaded.json["files"], json!([{ "path": "good", "bytes": 4 }]));
    assert!(!sandbox.path("slash").exists());
}

#[tokio::test]
async fn more_paths_than_are_kept() {
    let sandbox = Sandbox::start().await;
    let path = "n".repeat(16 * 1024);
    let paths = (0..1025).fold(Form::new(), |form, index| form.text(format!("files[{index}].path"), path.clone()));
    let form = paths.text("files[2000].path", "good").part("files[2000].file", file("good"));
    let uploaded = upload(&sandbox, form).await;
    let expected =
        json!(["file[1024]: too many paths", "file[2000]: too many paths", "file[2000]: missing .path metadata"]);
    assert_eq!((uploaded.status, &uploaded.json["errors"]), (400, &expected));
}

/// A proxy may still be writing when we refuse. All is read, so the connection serves another request.
#[tokio::test]
async fn a_refused_form_is_read_to_its_end() {
    let sandbox = Sandbox::start().await;
    let broken = |head: &str| [head.as_bytes().to_vec(), vec![b'x'; 20_000_000]].concat();
    let form = "multipart/form-data; boundary=b";
    for (route, content_type, body) in [
        ("bulk-upload", form, broken("--b\r\nno header\r\n\r\n")),
        ("bulk-upload", "text/plain", broken("")),
        ("upload?path=a", form, broken("--b\r\nno header\r\n\r\n")),
        ("upload?path=a", "text/plain", broken("")),
        ("upload-v2?path=a", "multipart/form-data", broken("")),
        ("upload-v2?path=/dev/null", "text/plain", broken("")),
    ] {
        let mut stream = TcpStream::connect(sandbox.address).await.expect("connect");
        let length = body.len();
        let head = format!(
            "POST /files/{route} HTTP/1.1\r\nHost: d\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("write");
        stream.write_all(&body).await.expect("nobody hangs up");
        stream.write_all(b"GET /version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").await.expect("write");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.expect("read");
        assert!(answers.starts_with("HTTP/1.1 400 "), "{route}: {answers}");
        assert!(answers.contains("HTTP/1.1 200 OK"), "{route}: {answers}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end() {
    let sandbox = Sandbox::start().await;
    sandbox.write("shrinks", "start");
    let file = File::options().write(true).open(sandbox.path("shrinks")).expect("open");
    // Larger than all buffers between here and there.
    file.set_len(500_000_000).expect("sparse");
    let request = sandbox.request(Method::POST, "/files/bulk-download").json(&json!({ "paths": ["shrinks", "none"] }));
    let mut response = request.send().await.expect("an answer");
    let mut body = response.chunk().await.expect("a body").expect("a chunk").to_vec();
    file.set_len(0).expect("shrinks");
    while let Some(chunk) = response.chunk().await.expect("a whole answer") {
        body.extend_from_slice(&chunk[chunk.len().saturating_sub(100)..]);
    }
    assert!(body.starts_with(b"--DAYTONA-FILE-BOUNDARY\r\n"));
    assert!(body.windows(25).filter(|window| window == b"--DAYTONA-FILE-BOUNDARY\r\n").count() == 1, "no other part");
    assert!(!body.ends_with(b"--DAYTONA-FILE-BOUNDARY--\r\n"), "clients must see that something is missing");
}

#[tokio::test]
async fn download_files_and_errors_in_order() {
    let sandbox = Sandbox::start().await;
    sandbox.write("ü.txt", "text");
    sandbox.write("empty", "");
    sandbox.write("big.bin", vec![7; 1_000_000]);
    let paths = ["ü.txt", "none", ".", "", "empty", "big.bin"];
    let request = sandbox.request(Method::POST, "/files/bulk-download").json(&json!({ "paths": paths }));
    let response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "multipart/form-data; boundary=DAYTONA-FILE-BOUNDARY");
    let body = response.bytes().await.expect("a body");
    assert!(body.ends_with(b"\r\n--DAYTONA-FILE-BOUNDARY--\r\n"));
    let parts = parse(&body);
    let summary: Vec<_> = parts.iter().map(|part| (part.name.as_str(), part.code())).collect();
    let (missing, invalid) = (Some("FILE_NOT_FOUND".to_owned()), Some("INVALID_FILE_PATH".to_owned()));
    let expected = [
        ("file", None),
        ("error", missing),
        ("error", invalid.clone()),
        ("error", invalid),
        ("file", None),
        ("file", None),
    ];
    assert_eq!(summary, expected);
    let names = "filename=\"\u{c3}\u{bc}.txt\"; filename*=utf-8''%C3%BC.txt";
    assert!(parts[0].head.contains(names) && parts[0].head.contains("text/plain"), "{}", parts[0].head);
    assert_eq!(parts[0].content, b"text");
    assert!(parts[4].head.contains("Content-Length: 0"));
    assert!(parts[5].content == vec![7; 1_000_000] && parts[5].head.contains("Content-Length: 1000000"));
}

#[tokio::test]
async fn download_of_nothing_is_refused() {
    let sandbox = Sandbox::start().await;
    let refused = sandbox.post("/files/bulk-download", json!({ "paths": [] })).await;
    refused.assert_error(400, "BAD_REQUEST");
    assert!(refused.json["error"].is_string());
}

struct Parsed {
    name: String,
    head: String,
    content: Vec<u8>,
}

impl Parsed {
    fn code(&self) -> Option<String> {
        let body: Value = (self.name == "error").then(|| serde_json::from_slice(&self.content).expect("JSON"))?;
        Some(body["code"].as_str().expect("a code").to_owned())
    }
}

fn parse(body: &[u8]) -> Vec<Parsed> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let mut rest = body;
    let mut parts = Vec::new();
    while let Some(after) = rest.strip_prefix(b"--DAYTONA-FILE-BOUNDARY\r\n") {
        let head_end = find(after, b"\r\n\r\n");
        let head = text(&after[..head_end]);
        let content = &after[head_end + 4..];
        let end = find(content, b"\r\n--DAYTONA-FILE-BOUNDARY");
        let name = head.split('"').nth(1).expect("a name").to_owned();
        parts.push(Parsed { name, head, content: content[..end].to_vec() });
        rest = &content[end + 2..];
    }
    parts
}

fn find(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).position(|window| window == needle).expect("is there")
}
