//! `/git/...` without a remote.

use paddock_wire::toolbox::git::{Branches, CommitInfo, Committed, Remotes, Status};
use serde_json::{Value, json};

use crate::git_server::{sandbox, variables};
use crate::sandbox::{Answer, Sandbox};
use paddock_daemon::environment::Environment;

/// A repository `r` with one commit of `file`.
async fn repository() -> Sandbox {
    let sandbox = sandbox().await;
    sandbox.post("/git/init", json!({ "path": "r", "initial_branch": "main" })).await.assert_done(201);
    sandbox.write("r/file", "one\n");
    sandbox.post("/git/add", json!({ "path": "r", "files": ["."] })).await.assert_done(200);
    commit(&sandbox, "first").await.read::<Committed>();
    sandbox
}

async fn commit(sandbox: &Sandbox, message: &str) -> Answer {
    let body = json!({ "path": "r", "message": message, "author": "Ann Ä", "email": "ann@example.com" });
    sandbox.post("/git/commit", body).await
}

async fn git(sandbox: &Sandbox, line: &str) -> String {
    sandbox.shell(&format!("unset GIT_DIR; cd r; git {line}")).await
}

async fn status(sandbox: &Sandbox) -> Status {
    sandbox.get("/git/status?path=r").await.read()
}

fn changes(status: &Status) -> Value {
    let list = status.file_status.iter().map(|file| json!([file.name, file.extra, file.staging, file.worktree]));
    list.collect()
}

#[tokio::test]
async fn init() {
    let sandbox = sandbox().await;
    sandbox.post("/git/init", json!({ "path": "a/b", "initial_branch": "trunk" })).await.assert_done(201);
    let answer = sandbox.get("/git/status?path=a/b").await.json;
    let expected = json!({
        "currentBranch": "trunk", "fileStatus": [], "branchPublished": false, "ahead": 0, "behind": 0, "upstream": "",
        "detached": false
    });
    assert_eq!(answer, expected);
    assert_eq!(sandbox.get("/git/history?path=a/b").await.json, json!([]));
    assert_eq!(sandbox.get("/git/branches?path=a/b").await.json, json!({ "branches": [], "current": "trunk" }));
    // One that is there stays as it is.
    sandbox.post("/git/init", json!({ "path": "a/b" })).await.assert_done(201);
    sandbox.post("/git/init", json!({ "path": "bare", "bare": true })).await.assert_done(201);
    assert!(sandbox.path("bare/HEAD").is_file());
    sandbox.get("/git/status?path=bare").await.assert_error(400, "BAD_REQUEST");
    sandbox.write("file", "");
    sandbox.post("/git/init", json!({ "path": "file" })).await.assert_error(409, "CONFLICT");
    sandbox.post("/git/init", json!({ "path": "x", "initial_branch": "a..b" })).await.assert_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn what_changed() {
    let sandbox = repository().await;
    assert_eq!(status(&sandbox).await.file_status, []);
    for name in ["gone", "staged", "moved"] {
        sandbox.write(&format!("r/{name}"), format!("a text of some length, by which {name} is known\n").repeat(9));
    }
    git(
        &sandbox,
        "add . ; git commit -qm more; git rm -q --cached gone; git mv moved 'new name'; rm gone; ln -sf x file",
    )
    .await;
    sandbox.write("r/staged", "other");
    sandbox.write("r/added", "");
    git(&sandbox, "add staged added").await;
    sandbox.write("r/staged", "and other again");
    sandbox.write("r/un/tracked\nü \"x\"", "");
    sandbox.write("r/un/-second", "");
    let expected = json!([
        ["added", "", "Added", "Unmodified"],
        ["file", "", "Unmodified", "Modified"],
        ["gone", "", "Deleted", "Unmodified"],
        ["new name", "moved", "Renamed", "Unmodified"],
        ["staged", "", "Modified", "Modified"],
        ["un/-second", "", "Untracked", "Untracked"],
        ["un/tracked\nü \"x\"", "", "Untracked", "Untracked"],
    ]);
    assert_eq!(changes(&status(&sandbox).await), expected);
    // Below it, the same.
    assert_eq!(sandbox.get("/git/status?path=r/un").await.json["fileStatus"].as_array().map(Vec::len), Some(7));
}

#[tokio::test]
async fn add_and_commit() {
    let sandbox = repository().await;
    for name in ["a", "sub/b", "[c]", ":(top)d", "-e"] {
        sandbox.write(&format!("r/{name}"), name);
    }
    let add = |files: Value| sandbox.post("/git/add", json!({ "path": "r", "files": files }));
    add(json!(["sub", "[c]", ":(top)d", "-e"])).await.assert_done(200);
    add(json!([])).await.assert_done(200);
    let staged = git(&sandbox, "diff --cached --name-only").await;
    assert_eq!(staged, "-e\n:(top)d\n[c]\nsub/b");
    std::fs::remove_file(sandbox.path("r/file")).expect("there");
    add(json!(["file"])).await.assert_done(200);
    add(json!(["none"])).await.assert_error(404, "FILE_NOT_FOUND");
    add(json!(["*"])).await.assert_error(404, "FILE_NOT_FOUND");
    add(json!(["/etc/passwd"])).await.assert_error(400, "BAD_REQUEST");
    sandbox.write("r/.gitignore", "ignored\n");
    sandbox.write("r/ignored", "");
    add(json!(["ignored"])).await.assert_error(400, "BAD_REQUEST");
    // Longer than the arguments of a process may be.
    let many: Vec<String> = (0..30_000)
        .map(|n| format!("./././././././././././././././././././././sub/../a{}", if n == 0 { "" } else { "/." }))
        .collect();
    add(json!(many[..1])).await.assert_done(200);
    let long: Vec<&str> = std::iter::repeat_n(many[0].as_str(), 60_000).collect();
    add(json!(long)).await.assert_done(200);
    let hash = commit(&sandbox, "subject\n\n# body ü\n").await.read::<Committed>().hash;
    assert_eq!(
        git(&sandbox, "log -1 --format=%H%n%an%n%ae%n%cn%n%B").await,
        format!("{hash}\nAnn Ä\nann@example.com\nAnn Ä\nsubject\n\n# body ü")
    );
    let nothing = commit(&sandbox, "nothing").await;
    nothing.assert_error(409, "CONFLICT");
    let empty = json!({ "path": "r", "message": "m", "author": "a", "email": "e", "allow_empty": true });
    sandbox.post("/git/commit", empty).await.read::<Committed>();
    for missing in ["message", "author", "email"] {
        let mut body = json!({ "path": "r", "message": "m", "author": "a", "email": "e" });
        body[missing] = json!("");
        sandbox.post("/git/commit", body.clone()).await.assert_error(400, "BAD_REQUEST");
        body.as_object_mut().expect("object").remove(missing);
        sandbox.post("/git/commit", body).await.assert_error(400, "INVALID_REQUEST_BODY");
    }
}

#[tokio::test]
async fn hooks_and_filters_count() {
    let sandbox = repository().await;
    sandbox.write("r/.gitattributes", "*.up filter=up\n");
    sandbox.write("r/a.up", "loud\n");
    git(&sandbox, "config filter.up.clean 'tr a-z A-Z'").await;
    sandbox.post("/git/add", json!({ "path": "r", "files": ["."] })).await.assert_done(200);
    assert_eq!(git(&sandbox, "show :a.up").await, "LOUD");
    sandbox.write_program("r/.git/hooks/pre-commit", "#!/bin/sh\necho no such thing >&2\nexit 1\n").await;
    let refused = commit(&sandbox, "second").await;
    refused.assert_error(422, "UNPROCESSABLE_ENTITY");
    assert!(refused.json["message"].as_str().expect("text").contains("no such thing"), "{}", refused.json);
    // What a hook leaves behind holds the output open, and nobody waits for it.
    sandbox.write_program("r/.git/hooks/pre-commit", "#!/bin/sh\nsleep 1000 & echo $! > ../hook-pid\n").await;
    commit(&sandbox, "second").await.read::<Committed>();
    sandbox.shell("kill $(cat hook-pid)").await;
}

#[tokio::test]
async fn branches() {
    let sandbox = repository().await;
    let create = |name: &str| sandbox.post("/git/branches", json!({ "path": "r", "name": name }));
    create("feature/ü").await.assert_done(201);
    let listed: Branches = sandbox.get("/git/branches?path=r").await.read();
    assert_eq!(
        (listed.branches, listed.current.as_deref()),
        (vec!["feature/ü".into(), "main".into()], Some("feature/ü"))
    );
    create("main").await.assert_error(409, "GIT_BRANCH_EXISTS");
    create("a b").await.assert_error(400, "BAD_REQUEST");
    create("a..b").await.assert_error(400, "BAD_REQUEST");
    create("").await.assert_error(400, "BAD_REQUEST");
    let delete = |name: &str| sandbox.delete_json("/git/branches", json!({ "path": "r", "name": name }));
    delete("feature/ü").await.assert_error(409, "CONFLICT");
    let checkout = |name: &str| sandbox.post("/git/checkout", json!({ "path": "r", "branch": name }));
    checkout("main").await.assert_done(200);
    delete("feature/ü").await.assert_done(204);
    delete("feature/ü").await.assert_error(404, "GIT_BRANCH_NOT_FOUND");
    checkout("feature/ü").await.assert_error(404, "GIT_BRANCH_NOT_FOUND");
    // A file of that name is no branch.
    checkout("file").await.assert_error(404, "GIT_BRANCH_NOT_FOUND");
    let hash = git(&sandbox, "rev-parse HEAD").await;
    checkout(&hash[..10]).await.assert_done(200);
    let status = status(&sandbox).await;
    assert_eq!((status.current_branch.as_str(), status.detached), ("HEAD", Some(true)));
    assert_eq!(sandbox.get("/git/branches?path=r").await.json["current"], "");
    sandbox.post("/git/push", json!({ "path": "r" })).await.assert_error(400, "BAD_REQUEST");
    sandbox.post("/git/pull", json!({ "path": "r" })).await.assert_error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn changes_are_not_lost() {
    let sandbox = repository().await;
    git(&sandbox, "checkout -qb other; echo two > file; git commit -qam two; git checkout -q main; echo mine > file")
        .await;
    let checkout = json!({ "path": "r", "branch": "other" });
    sandbox.post("/git/checkout", checkout.clone()).await.assert_error(409, "GIT_DIRTY_WORKTREE");
    assert_eq!(sandbox.read("r/file"), "mine\n");
    sandbox
        .post("/git/reset", json!({ "path": "r", "mode": "keep", "target": "other" }))
        .await
        .assert_error(409, "GIT_DIRTY_WORKTREE");
    // A merge that is not finished.
    git(&sandbox, "commit -qam mine; git merge other >/dev/null || true").await;
    assert_eq!(changes(&status(&sandbox).await), json!([["file", "", "Updated but unmerged", "Updated but unmerged"]]));
    sandbox.post("/git/checkout", checkout).await.assert_error(409, "GIT_MERGE_CONFLICT");
    commit(&sandbox, "in two").await.assert_error(409, "GIT_MERGE_CONFLICT");
    let restore = json!({ "path": "r", "files": ["file"] });
    sandbox.post("/git/restore", restore).await.assert_error(409, "GIT_MERGE_CONFLICT");
    sandbox.post("/git/reset", json!({ "path": "r", "mode": "soft" })).await.assert_error(409, "GIT_MERGE_CONFLICT");
    sandbox.write("r/.git/index.lock", "");
    sandbox.post("/git/add", json!({ "path": "r", "files": ["."] })).await.assert_error(409, "CONFLICT");
}

#[tokio::test]
async fn history() {
    let sandbox = repository().await;
    commit_many(&sandbox, 3000).await;
    let commits: Vec<CommitInfo> = sandbox.get("/git/history?path=r").await.read();
    assert_eq!(commits.len(), 3001);
    assert_eq!((commits[0].message.as_str(), commits[3000].message.as_str()), ("number 2999\n\nbody", "first"));
    assert_eq!((commits[3000].author.as_str(), commits[3000].email.as_str()), ("Ann Ä", "ann@example.com"));
    assert_eq!(commits[0].timestamp, "2026-01-02T03:04:05+02:00");
    assert_eq!(commits[0].hash, git(&sandbox, "rev-parse HEAD").await);
}

/// Faster than as many processes.
async fn commit_many(sandbox: &Sandbox, count: usize) {
    let commits = (0..count).map(|n| {
        let message = format!("number {n}\n\nbody\n");
        let parent = if n == 0 { "from refs/heads/main^0\n" } else { "" };
        format!(
            "commit refs/heads/main\ncommitter Me <me@example.com> 1767315845 +0200\ndata {}\n{message}{parent}\n",
            message.len()
        )
    });
    sandbox.write("stream", commits.collect::<String>());
    git(sandbox, "fast-import --quiet < ../stream").await;
}

#[tokio::test]
async fn reset() {
    let sandbox = repository().await;
    git(&sandbox, "commit -q --allow-empty -m second; echo two > file; echo new > new; git add .").await;
    let reset = |body: Value| {
        let mut whole = json!({ "path": "r" });
        whole.as_object_mut().expect("object").extend(body.as_object().expect("object").clone());
        sandbox.post("/git/reset", whole)
    };
    let staged = async || git(&sandbox, "diff --cached --name-only").await;
    reset(json!({ "files": ["new"] })).await.assert_done(200);
    assert_eq!(staged().await, "file");
    reset(json!({})).await.assert_done(200);
    assert_eq!((staged().await.as_str(), sandbox.read("r/file").as_str()), ("", "two\n"));
    reset(json!({ "mode": "hard", "target": "HEAD~1" })).await.assert_done(200);
    assert_eq!(sandbox.read("r/file"), "one\n");
    assert_eq!(git(&sandbox, "rev-list --count HEAD").await, "1");
    for mode in ["soft", "mixed", "merge", "keep", ""] {
        reset(json!({ "mode": mode })).await.assert_done(200);
    }
    reset(json!({ "mode": "harder" })).await.assert_error(400, "BAD_REQUEST");
    reset(json!({ "mode": "hard", "files": ["file"] })).await.assert_error(400, "BAD_REQUEST");
    reset(json!({ "target": "none" })).await.assert_error(404, "NOT_FOUND");
    reset(json!({ "target": "none", "files": ["file"] })).await.assert_error(404, "NOT_FOUND");
    reset(json!({ "target": "--hard" })).await.assert_error(400, "BAD_REQUEST");
    sandbox.post("/git/init", json!({ "path": "new" })).await.assert_done(201);
    sandbox.post("/git/reset", json!({ "path": "new" })).await.assert_done(200);
}

#[tokio::test]
async fn restore() {
    let sandbox = repository().await;
    let restore = |body: Value| {
        let mut whole = json!({ "path": "r", "files": ["file"] });
        whole.as_object_mut().expect("object").extend(body.as_object().expect("object").clone());
        sandbox.post("/git/restore", whole)
    };
    sandbox.write("r/file", "staged\n");
    git(&sandbox, "add file").await;
    sandbox.write("r/file", "worked\n");
    restore(json!({})).await.assert_done(200);
    assert_eq!(sandbox.read("r/file"), "staged\n");
    restore(json!({ "staged": true })).await.assert_done(200);
    assert_eq!((git(&sandbox, "diff --cached").await.as_str(), sandbox.read("r/file").as_str()), ("", "staged\n"));
    git(&sandbox, "add file").await;
    restore(json!({ "staged": true, "worktree": true, "source": "HEAD" })).await.assert_done(200);
    assert_eq!(sandbox.read("r/file"), "one\n");
    restore(json!({ "files": [] })).await.assert_error(400, "BAD_REQUEST");
    restore(json!({ "files": ["none"] })).await.assert_error(404, "FILE_NOT_FOUND");
    restore(json!({ "source": "none" })).await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn remotes() {
    let sandbox = repository().await;
    let add = |body: Value| {
        let mut whole = json!({ "path": "r", "name": "origin", "url": "https://example.com/a?b=c" });
        whole.as_object_mut().expect("object").extend(body.as_object().expect("object").clone());
        sandbox.post("/git/remotes", whole)
    };
    assert_eq!(sandbox.get("/git/remotes?path=r").await.json, json!({ "remotes": [] }));
    add(json!({})).await.assert_done(201);
    add(json!({})).await.assert_error(409, "CONFLICT");
    git(&sandbox, "remote set-url --push origin /old; git remote set-url --add origin /second").await;
    add(json!({ "url": "/new", "overwrite": true })).await.assert_done(201);
    assert_eq!(git(&sandbox, "remote get-url --push --all origin").await, "/new");
    sandbox.shell("unset GIT_DIR; git clone -q --bare r upstream").await;
    add(json!({ "name": "a.b", "url": "../upstream", "fetch": true })).await.assert_done(201);
    git(&sandbox, "rev-parse --verify refs/remotes/a.b/main").await;
    let remotes: Remotes = sandbox.get("/git/remotes?path=r").await.read();
    let told: Vec<_> = remotes.remotes.iter().map(|remote| (remote.name.as_str(), remote.url.as_str())).collect();
    assert_eq!(told, [("a.b", "../upstream"), ("origin", "/new")]);
    add(json!({ "name": "a..b" })).await.assert_error(400, "BAD_REQUEST");
    add(json!({ "name": "x", "url": "/nowhere", "fetch": true })).await.assert_error(404, "GIT_REPO_NOT_FOUND");
}

#[tokio::test]
async fn config() {
    let sandbox = repository().await;
    let get = async |query: &str| sandbox.get(&format!("/git/config?key={query}")).await;
    let set = |body: Value| sandbox.post("/git/config", body);
    assert_eq!(get("my.key").await.json, json!({ "value": null }));
    for (body, query, value) in [
        (json!({ "key": "my.key", "value": "-x y\nz" }), "my.key", "-x y\nz"),
        (json!({ "key": "my.key", "value": "", "scope": "system" }), "my.key&scope=system", ""),
        (
            json!({ "key": "url./a b=.insteadOf", "value": "v", "scope": "local", "path": "r" }),
            "url./a%20b%3D.insteadOf&scope=local&path=r",
            "v",
        ),
    ] {
        set(body).await.assert_done(200);
        assert_eq!(get(query).await.json, json!({ "value": value }));
    }
    assert_eq!(get("my.key&scope=local&path=r").await.json, json!({ "value": null }));
    sandbox.shell("git config --global --add my.key more").await;
    set(json!({ "key": "my.key", "value": "one" })).await.assert_done(200);
    assert_eq!(sandbox.shell("git config --global --get-all my.key").await, "one");
    for key in ["", "nodot", "a.", ".a", "-x.y", "a.1", "a%00.b", "a%0A.b", "--list"] {
        get(key).await.assert_error(400, "BAD_REQUEST");
    }
    get("a.b&scope=worktree").await.assert_error(400, "BAD_REQUEST");
    get("a.b&scope=local").await.assert_error(400, "BAD_REQUEST");
    get("a.b&scope=local&path=home").await.assert_error(404, "GIT_REPO_NOT_FOUND");
    set(json!({ "key": "a.b", "value": "a\u{0}" })).await.assert_error(400, "BAD_REQUEST");
    set(json!({ "key": "a.b" })).await.assert_error(400, "INVALID_REQUEST_BODY");
    let user = json!({ "name": "Bob B", "email": "bob@example.com", "scope": "local", "path": "r" });
    sandbox.post("/git/config/user", user).await.assert_done(200);
    assert_eq!(
        git(&sandbox, "config --local user.name; git config --local user.email").await,
        "Bob B\nbob@example.com"
    );
    assert_eq!(sandbox.shell("git config --global user.name").await, "Me");
}

#[tokio::test]
async fn no_repository_and_no_git() {
    let sandbox = sandbox().await;
    for path in ["home", "nowhere", "home/.gitconfig"] {
        for route in ["status", "branches", "history", "remotes"] {
            sandbox.get(&format!("/git/{route}?path={path}")).await.assert_error(404, "GIT_REPO_NOT_FOUND");
        }
        for (route, more) in [
            ("add", json!({ "files": ["."] })),
            ("commit", json!({ "message": "m", "author": "a", "email": "e" })),
            ("branches", json!({ "name": "n" })),
            ("checkout", json!({ "branch": "n" })),
            ("push", json!({})),
            ("pull", json!({})),
            ("reset", json!({ "target": "HEAD" })),
            ("restore", json!({ "files": ["a"], "source": "HEAD" })),
            ("remotes", json!({ "name": "n", "url": "u" })),
        ] {
            let mut body = json!({ "path": path });
            body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
            sandbox.post(&format!("/git/{route}"), body).await.assert_error(404, "GIT_REPO_NOT_FOUND");
        }
        sandbox
            .delete_json("/git/branches", json!({ "path": path, "name": "n" }))
            .await
            .assert_error(404, "GIT_REPO_NOT_FOUND");
    }
    sandbox.get("/git/status").await.assert_error(400, "INVALID_FILE_PATH");
    let bare = Sandbox::with(|dir| {
        let mut variables = variables(dir);
        variables.insert("PATH".into(), dir.into());
        Environment::new(variables)
    })
    .await;
    // A folder or a file that cannot be run is no program.
    std::fs::create_dir(bare.path("git")).expect("mkdir");
    let answer = bare.post("/git/init", json!({ "path": "r" })).await;
    answer.assert_error(503, "GIT_NOT_INSTALLED");
    assert!(answer.json["message"].as_str().expect("text").contains("git is not installed"));
}
