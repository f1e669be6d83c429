//! `/files`, `/files/info`, `/files/find`, `/files/search`.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, encode};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("an array").iter().map(|entry| entry["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn list() {
    let sandbox = Sandbox::start().await;
    assert_eq!(sandbox.get("/files").await.json, json!([]));
    sandbox.write("b/c/d.txt", "12345");
    sandbox.write("ä b", "");
    for url in ["/files", "/files/", "/files?path=.", "/files?path="] {
        assert_eq!(names(&sandbox.get(url).await.json), ["b", "ä b"], "{url}");
    }
    assert_eq!(names(&sandbox.get("/files?depth=3").await.json), ["b", "c", "d.txt", "ä b"]);
    let absolute = encode(sandbox.path("b/c"));
    let listed = sandbox.get(&format!("/files?path={absolute}")).await.json;
    let entry = listed[0].as_object().expect("one entry");
    assert_eq!((&entry["size"], &entry["isDir"], &entry["name"]), (&json!(5), &json!(false), &json!("d.txt")));
    assert!(entry["path"].as_str().expect("a path").ends_with("/b/c/d.txt"));
    for key in ["mode", "modTime", "modifiedAt", "owner", "group", "permissions"] {
        assert!(entry[key].is_string(), "{key}");
    }
}

#[tokio::test]
async fn a_large_directory_is_one_array() {
    let sandbox = Sandbox::start().await;
    (0..3000).for_each(|number| sandbox.write(&format!("many/{number:05}"), ""));
    let listed = sandbox.get("/files?path=many").await.json;
    assert_eq!(names(&listed).len(), 3000);
    assert_eq!(names(&listed)[2999], "02999");
}

#[tokio::test]
async fn info_follows_links() {
    let sandbox = Sandbox::start().await;
    sandbox.write("target", "123");
    std::os::unix::fs::symlink("target", sandbox.path("link")).expect("link");
    let info = sandbox.get("/files/info?path=link").await.json;
    assert_eq!((&info["name"], &info["size"]), (&json!("link"), &json!(3)));
    assert!(info["mode"].as_str().expect("text").starts_with("-rw"));
}

#[tokio::test]
async fn list_and_info_agree_about_links() {
    let sandbox = Sandbox::start().await;
    sandbox.write("folder/file", "123");
    std::os::unix::fs::symlink("folder", sandbox.path("link")).expect("link");
    std::os::unix::fs::symlink("nothing", sandbox.path("dangling")).expect("link");
    let listed = sandbox.get("/files").await.json;
    assert_eq!(names(&listed), ["folder", "link"]);
    assert_eq!((&listed[1]["isDir"], &listed[1]), (&json!(true), &sandbox.get("/files/info?path=link").await.json));
}

#[tokio::test]
async fn find_lines() {
    let sandbox = Sandbox::start().await;
    sandbox.write("src/a.py", "one\n# TODO \"two\"\n");
    sandbox.write("src/b.bin", b"TODO\0");
    let found = sandbox.get("/files/find?path=src&pattern=TODO").await.json;
    assert_eq!(found, json!([{ "file": "src/a.py", "line": 2, "content": "# TODO \"two\"" }]));
    assert_eq!(sandbox.get("/files/find?path=none&pattern=x").await.json, json!([]));
}

#[tokio::test]
async fn search_names() {
    let sandbox = Sandbox::start().await;
    sandbox.write("src/a.py", "");
    sandbox.write("src/x.py/b.txt", "");
    let found = sandbox.get("/files/search?path=src&pattern=*.py").await.json;
    assert_eq!(found, json!({ "files": ["src/a.py", "src/x.py"] }));
    assert_eq!(sandbox.get("/files/search?path=none&pattern=*").await.json, json!({ "files": [] }));
}
