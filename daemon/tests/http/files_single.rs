//! `/files/download`, `/files/upload`, `/files/upload-v2`.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, IF_RANGE, RANGE};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, answer, encode};

#[tokio::test]
async fn download_whole_and_in_part() {
    let sandbox = Sandbox::start().await;
    sandbox.write("ä \"1\".txt", "0123456789");
    let url = format!("/files/download?path={}", encode("ä \"1\".txt"));
    let get = |range: Option<&str>| {
        let request = sandbox.request(Method::GET, &url);
        range.map(|range| request.try_clone().expect("no body").header(RANGE, range)).unwrap_or(request).send()
    };
    let whole = get(None).await.expect("an answer");
    assert_eq!(whole.headers()["content-type"], "application/octet-stream");
    assert_eq!(whole.headers()["content-length"], "10");
    assert_eq!(
        whole.headers()["content-disposition"],
        "attachment; filename=\"_ _1_.txt\"; filename*=utf-8''%C3%A4%20%221%22.txt"
    );
    assert_eq!(whole.text().await.expect("text"), "0123456789");
    let part = get(Some("bytes=2-4")).await.expect("an answer");
    assert_eq!((part.status().as_u16(), part.headers()["content-range"].to_str().ok()), (206, Some("bytes 2-4/10")));
    assert_eq!(part.text().await.expect("text"), "234");
    let beyond = get(Some("bytes=10-")).await.expect("an answer");
    assert_eq!((beyond.status().as_u16(), beyond.headers()["content-range"].to_str().ok()), (416, Some("bytes */10")));
    let body: Value = beyond.json().await.expect("JSON");
    assert_eq!(body["source"], "DAYTONA_DAEMON");
}

#[tokio::test]
async fn a_range_counts_only_for_the_version_it_was_meant_for() {
    let sandbox = Sandbox::start().await;
    sandbox.write("a", "0123456789");
    let get = async |version: Option<&str>| {
        let request = sandbox.request(Method::GET, "/files/download?path=a").header(RANGE, "bytes=2-4");
        let request = version.into_iter().fold(request, |request, version| request.header(IF_RANGE, version));
        request.send().await.expect("an answer")
    };
    let modified = get(None).await.headers()["last-modified"].to_str().expect("text").to_owned();
    assert_eq!(get(Some(&modified)).await.text().await.expect("text"), "234");
    for other in ["Thu, 01 Jan 1970 00:00:00 GMT", "\"an-etag\""] {
        let whole = get(Some(other)).await;
        assert_eq!(whole.status(), 200, "{other}");
        assert_eq!(whole.text().await.expect("text"), "0123456789");
    }
}

#[tokio::test]
async fn a_time_that_http_cannot_write() {
    let sandbox = Sandbox::start().await;
    let file = tempfile::NamedTempFile::new_in("/dev/shm").expect("temp file");
    file.as_file().set_modified(UNIX_EPOCH + Duration::from_secs(300_000_000_000)).expect("any time");
    let url = format!("/files/download?path={}", encode(file.path()));
    let response = sandbox.request(Method::GET, &url).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["last-modified"], "Fri, 31 Dec 9999 23:59:59 GMT");
}

#[tokio::test]
async fn download_of_what_the_kernel_makes_up() {
    let sandbox = Sandbox::start().await;
    let response = sandbox.request(Method::GET, "/files/download?path=/proc/self/status").send().await;
    assert!(response.expect("an answer").text().await.expect("text").contains("VmRSS"));
}

#[tokio::test]
async fn upload_a_form() {
    let sandbox = Sandbox::start().await;
    let form = |name: &'static str| {
        Form::new().text("other", "ignored").part(name, Part::bytes(b"content".to_vec()).file_name("x"))
    };
    let post = |url: &str, form: Form| answer(sandbox.request(Method::POST, url).multipart(form));
    let old = post("/files/upload?path=new/dir/a", form("file")).await;
    assert_eq!((old.status, old.json), (200, Value::Null));
    assert_eq!(sandbox.read("new/dir/a"), "content");
    let new = post("/files/upload-v2?path=b", form("file")).await.json;
    let path = sandbox.dir.path().canonicalize().expect("exists").join("b");
    assert_eq!(new, json!({ "name": "b", "path": path, "type": "file" }));
    post("/files/upload-v2?path=c", form("wrong")).await.assert_error(400, "BAD_REQUEST");
    post("/files/upload-v2?path=.", form("file")).await.assert_error(400, "INVALID_FILE_PATH");
    post("/files/upload-v2", form("file")).await.assert_error(400, "INVALID_FILE_PATH");
    for route in ["upload", "upload-v2"] {
        post(&format!("/files/{route}?path=d/"), form("file")).await.assert_error(400, "INVALID_FILE_PATH");
    }
    assert!(!sandbox.path("d").exists());
}

#[tokio::test]
async fn upload_raw_bytes() {
    let sandbox = Sandbox::start().await;
    sandbox.write("a", "something longer than what comes");
    let request =
        sandbox.request(Method::POST, "/files/upload-v2?path=a").header(CONTENT_TYPE, "application/octet-stream");
    assert_eq!(answer(request.body("short")).await.status, 200);
    assert_eq!(sandbox.read("a"), "short");
    let request = sandbox.request(Method::POST, "/files/upload?path=a").body("no form");
    answer(request).await.assert_error(400, "BAD_REQUEST");
}
