//! `/git/clone`, `/git/push`, `/git/pull`, `/git/credentials` with a server that asks for a password.

use paddock_wire::toolbox::git::Status;
use serde_json::{Map, Value, json};

use crate::git_server::{GitServer, sandbox, serve};
use crate::sandbox::{Answer, Sandbox};

const PASSWORD: &str = "right word";

async fn served() -> (Sandbox, GitServer) {
    let sandbox = sandbox().await;
    serve(&sandbox, "a.git").await;
    let server = GitServer::start(&sandbox).await;
    (sandbox, server)
}

fn with_login(body: Value) -> Value {
    with(json!({ "username": "me", "password": PASSWORD }), body)
}

fn with(mut base: Value, more: Value) -> Value {
    let more: Map<String, Value> = serde_json::from_value(more).expect("object");
    base.as_object_mut().expect("object").extend(more);
    base
}

async fn clone(sandbox: &Sandbox, server: &GitServer, path: &str) {
    let body = json!({ "url": format!("{}/a.git", server.url), "path": path });
    sandbox.post("/git/clone", with_login(body)).await.assert_done(200);
}

async fn git(sandbox: &Sandbox, folder: &str, line: &str) -> String {
    sandbox.shell(&format!("unset GIT_DIR; cd {folder}; git {line}")).await
}

async fn status(sandbox: &Sandbox, path: &str) -> Status {
    sandbox.get(&format!("/git/status?path={path}")).await.read()
}

#[tokio::test]
async fn clones() {
    let (sandbox, server) = served().await;
    let url = format!("{}/a.git", server.url);
    let clone = |more: Value| sandbox.post("/git/clone", with(with_login(json!({ "url": url })), more));
    clone(json!({ "path": "deep/er/one" })).await.assert_done(200);
    let told = status(&sandbox, "deep/er/one").await;
    assert_eq!(
        (told.current_branch.as_str(), told.upstream.as_deref(), told.ahead),
        ("main", Some("origin/main"), Some(0))
    );
    assert_eq!(told.branch_published, Some(true));
    // One branch, and the password nowhere.
    assert_eq!(git(&sandbox, "deep/er/one", "for-each-ref --format='%(refname)'").await.lines().count(), 3);
    assert_eq!(sandbox.execute("grep -rl 'right word' deep home").await, (1, String::new()));
    clone(json!({ "path": "side", "branch": "side" })).await.assert_done(200);
    assert_eq!(sandbox.read("side/side"), "side\n");
    assert_eq!(git(&sandbox, "side", "rev-list --count HEAD").await, "2");
    clone(json!({ "path": "shallow", "branch": "side", "depth": 1 })).await.assert_done(200);
    assert_eq!(git(&sandbox, "shallow", "rev-list --count HEAD").await, "1");
    clone(json!({ "path": "deep" })).await.assert_error(409, "CONFLICT");
    clone(json!({ "path": "x", "branch": "none" })).await.assert_error(404, "GIT_BRANCH_NOT_FOUND");
    clone(json!({ "path": "x", "depth": -1 })).await.assert_error(400, "BAD_REQUEST");
    assert!(!sandbox.path("x").exists());
}

#[tokio::test]
async fn clones_of_a_commit() {
    let (sandbox, server) = served().await;
    let clone = async |more: Value| {
        let body = with(with_login(json!({ "url": format!("{}/a.git", server.url) })), more);
        sandbox.post("/git/clone", body).await
    };
    let first = git(&sandbox, "served/a.git", "rev-parse main").await;
    let aside = git(&sandbox, "served/a.git", "rev-parse side").await;
    clone(json!({ "path": "first", "branch": "side", "commit_id": first[..12] })).await.assert_done(200);
    let told = status(&sandbox, "first").await;
    assert_eq!((told.detached, told.file_status.len()), (Some(true), 0));
    assert!(sandbox.path("first/file").exists() && !sandbox.path("first/side").exists());
    // On another branch, and beyond a shallow one.
    clone(json!({ "path": "aside", "commit_id": aside, "depth": 1 })).await.assert_done(200);
    assert_eq!(git(&sandbox, "aside", "rev-parse HEAD").await, aside);
    // What fails leaves nothing of its own.
    std::fs::create_dir(sandbox.path("empty")).expect("mkdir");
    let none = "1".repeat(40);
    for (path, commit) in [("x", none.as_str()), ("empty", "none"), ("empty", none.as_str())] {
        clone(json!({ "path": path, "commit_id": commit })).await.assert_error(404, "NOT_FOUND");
    }
    assert!(!sandbox.path("x").exists());
    assert_eq!(std::fs::read_dir(sandbox.path("empty")).expect("it stays").count(), 0);
}

#[tokio::test]
async fn who_may_not() {
    let (sandbox, server) = served().await;
    serve(&sandbox, "public/b.git").await;
    let clone = |path: &str, more: Value| {
        sandbox.post("/git/clone", with(json!({ "url": format!("{}/{path}", server.url), "path": "x" }), more))
    };
    clone("a.git", json!({})).await.assert_error(401, "GIT_AUTH_FAILED");
    clone("a.git", json!({ "username": "me" })).await.assert_error(401, "GIT_AUTH_FAILED");
    let wrong = clone("a.git", json!({ "username": "me", "password": "wrong word" })).await;
    wrong.assert_error(401, "GIT_AUTH_FAILED");
    assert!(!wrong.json.to_string().contains("wrong word"), "{}", wrong.json);
    clone("a.git", json!({ "username": "me", "password": "a\nhost=b" })).await.assert_error(400, "BAD_REQUEST");
    clone("forbidden/a.git", json!({})).await.assert_error(403, "FORBIDDEN");
    clone("none.git", with_login(json!({}))).await.assert_error(404, "GIT_REPO_NOT_FOUND");
    clone("broken/a.git", json!({})).await.assert_error(502, "GIT_TRANSPORT_FAILED");
    clone("public/b.git", json!({})).await.assert_done(200);
    let nobody = json!({ "url": "http://127.0.0.1:1/a.git", "path": "y" });
    sandbox.post("/git/clone", nobody).await.assert_error(502, "GIT_TRANSPORT_FAILED");
    let unknown = json!({ "url": "http://no-such-host.invalid/a.git", "path": "y" });
    sandbox.post("/git/clone", unknown).await.assert_error(502, "GIT_TRANSPORT_FAILED");
    sandbox.post("/git/clone", json!({ "url": "/nowhere", "path": "y" })).await.assert_error(404, "GIT_REPO_NOT_FOUND");
    // A password in the URL is the caller's to keep, and ours not to tell.
    let embedded = format!("{}/a.git", server.url.replace("//", "//me:wr0ng@"));
    let told = sandbox.post("/git/clone", json!({ "url": embedded, "path": "y" })).await;
    told.assert_error(401, "GIT_AUTH_FAILED");
    assert!(!told.json.to_string().contains("wr0ng"), "{}", told.json);
}

#[tokio::test]
async fn another_host_gets_no_password() {
    let (sandbox, server) = served().await;
    let body = json!({ "url": format!("{}/elsewhere/a.git", server.url), "path": "x" });
    sandbox.post("/git/clone", with_login(body)).await.assert_error(401, "GIT_AUTH_FAILED");
    let seen = sandbox.read("served/seen");
    assert!(seen.contains("localhost") && !seen.contains("password"), "{seen}");
}

#[tokio::test]
async fn certificates() {
    let sandbox = sandbox().await;
    serve(&sandbox, "a.git").await;
    let server = GitServer::start_tls(&sandbox).await;
    let body = |more: Value| with(with_login(json!({ "url": format!("{}/a.git", server.url), "path": "x" })), more);
    sandbox.post("/git/clone", body(json!({}))).await.assert_error(502, "GIT_TRANSPORT_FAILED");
    sandbox.post("/git/clone", body(json!({ "insecure_skip_tls": true }))).await.assert_done(200);
    // For that clone only.
    let pull = with_login(json!({ "path": "x" }));
    sandbox.post("/git/pull", pull.clone()).await.assert_error(502, "GIT_TRANSPORT_FAILED");
    sandbox.shell("git config --global http.sslCAInfo \"$PWD/certificate.pem\"").await;
    sandbox.post("/git/pull", pull).await.assert_done(200);
}

#[tokio::test]
async fn push() {
    let (sandbox, server) = served().await;
    clone(&sandbox, &server, "r").await;
    let push = |more: Value| sandbox.post("/git/push", with(json!({ "path": "r" }), more));
    push(with_login(json!({}))).await.assert_done(200);
    git(&sandbox, "r", "commit -q --allow-empty -m mine").await;
    assert_eq!(status(&sandbox, "r").await.ahead, Some(1));
    push(json!({})).await.assert_error(401, "GIT_AUTH_FAILED");
    push(json!({ "username": "me", "password": "wrong" })).await.assert_error(401, "GIT_AUTH_FAILED");
    push(with_login(json!({}))).await.assert_done(200);
    assert_eq!(status(&sandbox, "r").await.ahead, Some(0));
    assert_eq!(git(&sandbox, "served/a.git", "log -1 --format=%s main").await, "mine");
    push(with_login(json!({ "branch": "none" }))).await.assert_error(404, "GIT_BRANCH_NOT_FOUND");
    push(with_login(json!({ "branch": "a:b" }))).await.assert_error(400, "BAD_REQUEST");
    push(with_login(json!({ "branch": "*" }))).await.assert_error(400, "BAD_REQUEST");
    push(with_login(json!({ "remote": "none" }))).await.assert_error(404, "NOT_FOUND");
    push(with_login(json!({ "remote": "/tmp" }))).await.assert_error(404, "NOT_FOUND");
    // A new branch, which a clone of a single one learns to follow.
    git(&sandbox, "r", "checkout -q -b new; git commit -q --allow-empty -m new; git checkout -q main").await;
    push(with_login(json!({ "branch": "new", "set_upstream": true }))).await.assert_done(200);
    git(&sandbox, "r", "checkout -q new; git commit -q --allow-empty -m newer").await;
    let told = status(&sandbox, "r").await;
    assert_eq!(
        (told.upstream.as_deref(), told.ahead, told.branch_published),
        (Some("origin/new"), Some(1), Some(true))
    );
}

#[tokio::test]
async fn push_refused() {
    let (sandbox, server) = served().await;
    clone(&sandbox, &server, "r").await;
    clone(&sandbox, &server, "other").await;
    git(&sandbox, "other", "commit -q --allow-empty -m theirs").await;
    sandbox.post("/git/push", with_login(json!({ "path": "other" }))).await.assert_done(200);
    git(&sandbox, "r", "commit -q --allow-empty -m mine").await;
    let push = with_login(json!({ "path": "r" }));
    sandbox.post("/git/push", push.clone()).await.assert_error(409, "GIT_PUSH_REJECTED");
    git(&sandbox, "r", "reset -q --hard HEAD~1").await;
    sandbox.post("/git/pull", push.clone()).await.assert_done(200);
    git(&sandbox, "r", "commit -q --allow-empty -m mine").await;
    sandbox.write_program("served/a.git/hooks/pre-receive", "#!/bin/sh\necho not on Fridays >&2\nexit 1\n").await;
    let refused = sandbox.post("/git/push", push).await;
    refused.assert_error(422, "GIT_REMOTE_REJECTED");
    let message = refused.json["message"].as_str().expect("text");
    assert!(message.contains("pre-receive hook declined") && message.contains("not on Fridays"), "{message}");
}

#[tokio::test]
async fn pull() {
    let (sandbox, server) = served().await;
    clone(&sandbox, &server, "r").await;
    clone(&sandbox, &server, "other").await;
    let pull = |more: Value| sandbox.post("/git/pull", with(with_login(json!({ "path": "r" })), more));
    pull(json!({})).await.assert_done(200);
    git(&sandbox, "other", "commit -q --allow-empty -m theirs; echo two > file; git commit -qam two").await;
    sandbox.post("/git/push", with_login(json!({ "path": "other" }))).await.assert_done(200);
    sandbox.post("/git/pull", json!({ "path": "r" })).await.assert_error(401, "GIT_AUTH_FAILED");
    sandbox.write("r/file", "mine\n");
    pull(json!({})).await.assert_error(409, "GIT_DIRTY_WORKTREE");
    assert_eq!(status(&sandbox, "r").await.behind, Some(2));
    git(&sandbox, "r", "checkout -q file").await;
    pull(json!({ "branch": "main", "remote": "origin" })).await.assert_done(200);
    assert_eq!(sandbox.read("r/file"), "two\n");
    pull(json!({ "branch": "none" })).await.assert_error(404, "GIT_BRANCH_NOT_FOUND");
    pull(json!({ "remote": "none" })).await.assert_error(404, "NOT_FOUND");
    // Both have moved on.
    git(&sandbox, "other", "commit -q --allow-empty -m again; git push -q \"$PWD/../served/a.git\" main").await;
    git(&sandbox, "r", "commit -q --allow-empty -m mine").await;
    pull(json!({})).await.assert_error(409, "GIT_MERGE_CONFLICT");
    // Into a repository without a commit.
    sandbox.post("/git/init", json!({ "path": "new", "initial_branch": "main" })).await.assert_done(201);
    let remote = json!({ "path": "new", "name": "origin", "url": format!("{}/a.git", server.url) });
    sandbox.post("/git/remotes", remote).await.assert_done(201);
    sandbox.post("/git/pull", with_login(json!({ "path": "new" }))).await.assert_done(200);
    assert_eq!(sandbox.read("new/file"), "two\n");
}

#[tokio::test]
async fn kept_credentials() {
    let (sandbox, server) = served().await;
    let host = server.url.trim_start_matches("http://");
    let keep = |body: Value| sandbox.post("/git/credentials", body);
    let login = with_login(json!({ "host": host, "protocol": "http" }));
    keep(login.clone()).await.assert_done(200);
    keep(login).await.assert_done(200);
    assert_eq!(sandbox.shell("git config --global --get-all credential.helper").await, "store");
    let body = json!({ "url": format!("{}/a.git", server.url), "path": "x" });
    sandbox.post("/git/clone", body.clone()).await.assert_done(200);
    // The one that is said counts, and does not change the one that is kept.
    let wrong = with(json!({ "username": "me", "password": "wrong" }), with(body.clone(), json!({ "path": "y" })));
    sandbox.post("/git/clone", wrong).await.assert_error(401, "GIT_AUTH_FAILED");
    sandbox.post("/git/clone", with(body, json!({ "path": "y" }))).await.assert_done(200);
    keep(with_login(json!({}))).await.assert_done(200);
    assert!(sandbox.read("home/.git-credentials").contains("https://me:right%20word@github.com\n"));
    for wrong in [
        json!({ "username": "" }),
        json!({ "password": "a\nb" }),
        json!({ "host": "a\nb" }),
        json!({ "protocol": "a\nb" }),
    ] {
        keep(with(with_login(json!({})), wrong)).await.assert_error(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a_caller_who_goes_takes_git_along() {
    let (sandbox, server) = served().await;
    let body = json!({ "url": format!("{}/hang/a.git", server.url), "path": "x" });
    let request = sandbox.post("/git/clone", body);
    // As long as it takes to be asked.
    let asked = async {
        while !std::fs::read_to_string(sandbox.path("served/seen")).unwrap_or_default().contains("/hang/") {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        Answer { status, .. } = request => panic!("it answered {status}"),
        () = asked => {}
    }
    let url = format!("{}/hang", server.url);
    sandbox.shell(&format!("while pgrep -f 'git.*{url}' | grep -vx $$ >/dev/null; do :; done")).await;
    assert!(!sandbox.path("x").exists());
}
