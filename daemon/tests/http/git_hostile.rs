//! What callers should not say to git.

use serde_json::{Value, json};

use crate::git_server::sandbox;

#[tokio::test]
async fn words_are_no_options() {
    let sandbox = sandbox().await;
    sandbox.shell("unset GIT_DIR; git init -q r; cd r; git commit -q --allow-empty -m first").await;
    let evil = "--upload-pack=touch ../evil";
    let cases: [(&str, Value); 12] = [
        ("clone", json!({ "url": evil, "path": "x" })),
        ("clone", json!({ "url": "r", "path": "x", "branch": evil })),
        ("clone", json!({ "url": "r", "path": "x", "commit_id": evil })),
        ("clone", json!({ "url": "ext::touch evil", "path": "x" })),
        ("checkout", json!({ "path": "r", "branch": "--orphan=x" })),
        ("branches", json!({ "path": "r", "name": "-f" })),
        ("push", json!({ "path": "r", "remote": "--receive-pack=touch ../evil" })),
        ("pull", json!({ "path": "r", "remote": evil })),
        ("pull", json!({ "path": "r", "branch": "-f" })),
        ("remotes", json!({ "path": "r", "name": "--mirror=push", "url": "x" })),
        ("restore", json!({ "path": "r", "files": ["a"], "source": "--worktree" })),
        ("init", json!({ "path": "x", "initial_branch": "--bare" })),
    ];
    for (route, body) in cases {
        sandbox.post(&format!("/git/{route}"), body).await.assert_error(400, "BAD_REQUEST");
    }
    // A name is a name even where it looks like one.
    sandbox.post("/git/init", json!({ "path": "--bare" })).await.assert_done(201);
    assert!(sandbox.path("--bare/.git").is_dir());
    sandbox.get("/git/status?path=--bare").await.read::<Value>();
    assert!(!sandbox.path("evil").exists() && !sandbox.path("x").exists());
}

#[tokio::test]
async fn nul_and_newline() {
    let sandbox = sandbox().await;
    sandbox.shell("unset GIT_DIR; git init -q r; cd r; git commit -q --allow-empty -m first").await;
    for (route, body) in [
        ("add", json!({ "path": "r", "files": ["a\u{0}b"] })),
        ("clone", json!({ "url": "a\u{0}b", "path": "x" })),
        ("clone", json!({ "url": "https://a\nb/", "path": "x" })),
        ("commit", json!({ "path": "r", "message": "a\u{0}b", "author": "a", "email": "e", "allow_empty": true })),
        ("commit", json!({ "path": "r", "message": "a", "author": "a\u{0}", "email": "e", "allow_empty": true })),
        ("checkout", json!({ "path": "r", "branch": "a\u{0}" })),
        ("reset", json!({ "path": "r", "target": "a\n" })),
        ("remotes", json!({ "path": "r", "name": "a\nb", "url": "u" })),
        ("config/user", json!({ "name": "a\u{0}", "email": "e" })),
    ] {
        sandbox.post(&format!("/git/{route}"), body).await.assert_error(400, "BAD_REQUEST");
    }
    sandbox.get("/git/status?path=r%00").await.assert_error(400, "INVALID_FILE_PATH");
    sandbox.post("/git/clone", json!({ "url": "r", "path": "a\u{0}" })).await.assert_error(400, "INVALID_FILE_PATH");
    // Newlines in names of files and folders are fine.
    sandbox.post("/git/init", json!({ "path": "new\nline" })).await.assert_done(201);
    sandbox.write("new\nline/a\nb", "");
    sandbox.post("/git/add", json!({ "path": "new\nline", "files": ["a\nb"] })).await.assert_done(200);
    let status = sandbox.get("/git/status?path=new%0Aline").await.json;
    assert_eq!(status["fileStatus"][0]["name"], "a\nb");
    // A name that is no text cannot be told right, and harms nobody.
    sandbox.shell("touch \"$(printf 'r/\\377')\"").await;
    assert_eq!(sandbox.get("/git/status?path=r").await.json["fileStatus"][0]["name"], "\u{fffd}");
}

#[tokio::test]
async fn too_much() {
    let sandbox = sandbox().await;
    sandbox.shell("unset GIT_DIR; git init -q r; git config --global core.fsmonitor false").await;
    // Sixteen letters less than a name may have; twenty million letters together.
    sandbox.shell("cd r; python3 -c 'for n in range(80000): open(\"%d-%s\" % (n, \"x\" * 230), \"x\")'").await;
    sandbox.get("/git/status?path=r").await.assert_error(422, "UNPROCESSABLE_ENTITY");
}
