//! Requests that must be refused with a clear error in the wire's shape, through the real stack, and change nothing.
//! Every operation of the API is walked in the functions' own tests; here are a sample of it, and all of the edge.

use anyhow::{Context, Result, ensure};
use paddock_tests::api::{Answer, Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::stack::STACK;
use paddock_tests::toolbox::Toolbox;
use paddock_tests::{operator, raw, table, turn};
use reqwest::Method;
use serde_json::{Value, json};

/// The sandbox that all of this is aimed at.
struct Target {
    id: String,
    name: String,
}

/// A file of the owner's; its folder is what strangers try to empty.
const MARKER: &str = "/home/daytona/marker";
/// What strangers try to make.
const STOLEN: &str = "/tmp/stolen";

impl Target {
    /// Nothing was done in it by any of those who were refused.
    async fn check_untouched(&self) -> Result<()> {
        let found = Toolbox::of(&self.id).sh(&format!("cat {MARKER}; test ! -e {STOLEN} && echo intact")).await?;
        ensure!(found.lines().eq(["mine", "intact"]), "a refused request was carried out: {found}");
        Ok(())
    }
}

/// A request and what may come back.
struct Case {
    what: &'static str,
    door: Door,
    method: &'static str,
    path: String,
    body: Vec<u8>,
    statuses: &'static [u16],
}

#[derive(Clone, Copy, PartialEq)]
enum Door {
    Api,
    Edge,
}

impl Case {
    fn new(
        what: &'static str,
        door: Door,
        method: &'static str,
        path: impl Into<String>,
        statuses: &'static [u16],
    ) -> Self {
        Self { what, door, method, path: path.into(), body: Vec::new(), statuses }
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    async fn send(&self, key: Option<&str>) -> Result<Answer> {
        let base = if self.door == Door::Api { &STACK.api_url } else { &STACK.proxy_url };
        let prefix = reqwest::Url::parse(base)?.path().trim_end_matches('/').to_owned();
        let mut headers = vec!["Content-Type: application/json".to_owned(), "Accept: application/json".to_owned()];
        headers.extend(key.map(|key| format!("Authorization: Bearer {key}")));
        let target = format!("{prefix}{}", self.path);
        raw::send(base, &raw::Request { method: self.method, target: &target, headers, body: &self.body }).await
    }

    async fn check(&self, who: &str, key: Option<&str>, statuses: &[u16]) -> Result<()> {
        let answer = self.send(key).await.with_context(|| format!("{} ({who})", self.what))?;
        let about = format!("{} ({who}): {} {}", self.what, answer.status, answer.body);
        ensure!(statuses.contains(&answer.status), "{about}; expected {statuses:?}");
        error_shape(&answer).with_context(|| about)
    }
}

/// The body that every SDK takes apart (control-plane §1.3).
fn error_shape(answer: &Answer) -> Result<()> {
    let body = &answer.body;
    if answer.status == 413 && *body == json!({ "message": "Request Entity Too Large" }) {
        return Ok(());
    }
    ensure!(body["statusCode"].as_u64() == Some(u64::from(answer.status)), "statusCode");
    let texts = ["message", "timestamp", "path"];
    ensure!(texts.iter().all(|name| body[*name].is_string()), "one of {texts:?} is not a string");
    ensure!(!body["message"].as_str().unwrap_or_default().is_empty(), "the message is empty");
    let source = body["source"].as_str().unwrap_or_default();
    ensure!(matches!(source, "DAYTONA_API" | "DAYTONA_PROXY" | "DAYTONA_DAEMON"), "source {source:?}");
    Ok(())
}

#[tokio::test]
async fn nobody_uses_a_sandbox_that_is_not_theirs() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let target = make(&api).await?;
    let before = fingerprint(&target.id).await?;
    let other = operator::make_organization("stranger").await?;
    let wrong = format!("dtn_{}", "5".repeat(64));

    let mut verdicts = Vec::new();
    for case in uses(&target) {
        verdicts.push(case.check("no key", None, &[401]).await);
        verdicts.push(case.check("wrong key", Some(&wrong), &[401]).await);
        verdicts.push(case.check("a key of another shape", Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."), &[401]).await);
        verdicts.push(case.check("another organization", Some(&other.api_key), &[404]).await);
    }
    all_right(verdicts)?;
    let stranger = Api::with_key(Some(other.api_key));
    ensure!(stranger.list().await?.is_empty(), "the other organization sees sandboxes");
    ensure!(fingerprint(&target.id).await? == before, "a refused request changed the sandbox");
    target.check_untouched().await?;
    api.delete(&target.id).await
}

#[tokio::test]
async fn malformed_requests_are_refused_clearly() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    let target = make(&api).await?;
    let before = fingerprint(&target.id).await?;
    let mine =
        || async { Ok::<_, anyhow::Error>(api.list().await?.into_iter().filter(|(id, _)| *id == target.id).count()) };
    let mut verdicts = Vec::new();
    for case in malformed(&target) {
        verdicts.push(case.check("owner", Some(&STACK.api_key), case.statuses).await);
    }
    all_right(verdicts)?;
    ensure!(fingerprint(&target.id).await? == before, "a malformed request changed the sandbox");
    target.check_untouched().await?;
    ensure!(mine().await? == 1, "the sandbox is listed once");
    api.delete(&target.id).await
}

/// All failures of a table at once.
fn all_right(verdicts: Vec<Result<()>>) -> Result<()> {
    let all = verdicts.len();
    let wrong: Vec<String> = verdicts.into_iter().filter_map(|verdict| Some(format!("{:#}", verdict.err()?))).collect();
    ensure!(wrong.is_empty(), "{} of {all} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

async fn make(api: &Api) -> Result<Target> {
    let id = api.create(labelled("refusals")).await?;
    let name = format!("refusals-{}", &id[..8]);
    api.delete(&id).await?;
    let id = api.create(json!({ "name": name, "labels": { "test": "refusals" } })).await?;
    Toolbox::of(&id).sh(&format!("echo mine > {MARKER}")).await?;
    // One from the pool is started at once; that its owner has the new wish is in the table only when it has said so.
    within(PATIENCE, "its owner has reported", || async {
        let items = table::scan().await?;
        let heads = table::live_heads(&items);
        let head = heads.get(&id).context("the sandbox is in the table")?;
        let (heard, wished) = (head.get("seen_gen"), head.get("gen"));
        Ok(if heard == wished { Look::Done(()) } else { Look::NotYet(format!("{heard:?} of {wished:?}")) })
    })
    .await?;
    Ok(Target { id, name })
}

/// Everything one can do to a sandbox that exists.
fn uses(target: &Target) -> Vec<Case> {
    let Target { id, name } = target;
    let api = |what, method, path: String| Case::new(what, Door::Api, method, path, &[]);
    let edge = |what, method, path: String| Case::new(what, Door::Edge, method, path, &[]);
    vec![
        api("get", "GET", format!("/sandbox/{id}")),
        api("get by name", "GET", format!("/sandbox/{name}")),
        api("delete", "DELETE", format!("/sandbox/{id}")),
        api("stop", "POST", format!("/sandbox/{id}/stop?force=false")),
        api("start", "POST", format!("/sandbox/{id}/start")),
        api("labels", "PUT", format!("/sandbox/{id}/labels")).body(r#"{"labels":{"stolen":"yes"}}"#),
        api("auto-stop", "POST", format!("/sandbox/{id}/autostop/1")),
        api("last activity", "POST", format!("/sandbox/{id}/last-activity")),
        api("toolbox URL", "GET", format!("/sandbox/{id}/toolbox-proxy-url")),
        edge("exec", "POST", format!("/{id}/process/execute"))
            .body(json!({ "command": format!("touch {STOLEN}") }).to_string()),
        edge("code-run", "POST", format!("/{id}/process/code-run")).body(r#"{"code":"1","language":"python"}"#),
        edge("read a file", "GET", format!("/{id}/files/download?path=/etc/passwd")),
        edge("list files", "GET", format!("/{id}/files")),
        edge("delete files", "DELETE", format!("/{id}/files?path=/home/daytona&recursive=true")),
        edge("work dir", "GET", format!("/{id}/work-dir")),
    ]
}

fn malformed(target: &Target) -> Vec<Case> {
    let mut cases = malformed_creates();
    cases.extend(malformed_api_paths(&target.id));
    cases.extend(malformed_edge(&target.id));
    cases
}

fn malformed_creates() -> Vec<Case> {
    let create = |what, body: Vec<u8>, statuses| Case::new(what, Door::Api, "POST", "/sandbox", statuses).body(body);
    let json = |what, body: Value| create(what, body.to_string().into_bytes(), &[400]);
    vec![
        create("no JSON", b"{".to_vec(), &[400]),
        create("not an object", b"[1]".to_vec(), &[400]),
        create("not UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec(), &[400]),
        create("nested 100,000 deep", "[".repeat(100_000).into_bytes(), &[400]),
        // More than the gateway takes, which answers in its own words as AWS's does.
        create("a name of 10 MiB", json!({ "name": "x".repeat(10 << 20) }).to_string().into_bytes(), &[413]),
        create("a name of 1 MiB", json!({ "name": "x".repeat(1 << 20) }).to_string().into_bytes(), &[413]),
        json("a name of 100 KiB", json!({ "name": "x".repeat(100 << 10) })),
        json("a name with NUL", json!({ "name": "a\0b" })),
        json("a name that is markup", json!({ "name": "<script>alert(1)</script>" })),
        json("a name that is a number", json!({ "name": 7 })),
        json("a name that climbs", json!({ "name": "../../other" })),
        json("labels of numbers", json!({ "labels": { "a": 1 } })),
        json("labels of 900 KiB", json!({ "labels": { "a": "x".repeat(900 << 10) } })),
        json("environment that is a list", json!({ "env": ["A=b"] })),
        json("environment with a NUL", json!({ "env": { "A": "b\0c" } })),
        json("environment with a bad name", json!({ "env": { "A=B": "c" } })),
        json("an unknown snapshot", json!({ "snapshot": "no-such-snapshot" })),
        json("a snapshot that climbs", json!({ "snapshot": "../../etc" })),
        json("negative auto-stop", json!({ "autoStopInterval": -1 })),
        json("auto-stop in words", json!({ "autoStopInterval": "soon" })),
    ]
}

fn malformed_api_paths(id: &str) -> Vec<Case> {
    let case = |what, method, path: String, statuses| Case::new(what, Door::Api, method, path, statuses);
    vec![
        case("unknown route", "GET", "/nothing/here".into(), &[404]),
        case("climbing out", "GET", "/sandbox/../../agents/revocations".into(), &[400, 404]),
        case("climbing, encoded", "GET", "/sandbox/%2e%2e%2f%2e%2e%2fagents".into(), &[400, 404]),
        case("NUL in the path", "GET", "/sandbox/a%00b".into(), &[400, 404]),
        case("invalid UTF-8 in the path", "GET", "/sandbox/%ff%fe".into(), &[400, 404]),
        case("half a percent sign", "GET", "/sandbox/%2".into(), &[400, 404]),
        case("a very long name", "GET", format!("/sandbox/{}", "x".repeat(4000)), &[400, 404, 414]),
        case("limit of zero", "GET", "/sandbox?limit=0".into(), &[400]),
        case("limit in words", "GET", "/sandbox?limit=many".into(), &[400]),
        case("a made-up cursor", "GET", "/sandbox?cursor=%00%ff".into(), &[400]),
        case("labels that are no JSON", "GET", "/sandbox?labels=nope".into(), &[400]),
        case("an unknown state", "GET", "/sandbox?states=sleeping".into(), &[400]),
        case("force that is no boolean", "POST", format!("/sandbox/{id}/stop?force=perhaps"), &[400]),
        case("auto-stop in words", "POST", format!("/sandbox/{id}/autostop/soon"), &[400]),
        case("negative auto-stop", "POST", format!("/sandbox/{id}/autostop/-5"), &[400]),
        case("labels without labels", "PUT", format!("/sandbox/{id}/labels"), &[400]).body("{}"),
        case("labels that are text", "PUT", format!("/sandbox/{id}/labels"), &[400]).body(r#"{"labels":"x"}"#),
    ]
}

fn malformed_edge(id: &str) -> Vec<Case> {
    let case = |what, method, path: String, statuses| Case::new(what, Door::Edge, method, path, statuses);
    let exec =
        |what, body: Vec<u8>, statuses| case(what, "POST", format!("/{id}/process/execute"), statuses).body(body);
    let huge = json!({ "code": "1", "language": "x".repeat(10 << 20) }).to_string().into_bytes();
    vec![
        case("no such sandbox", "GET", format!("/{}/work-dir", uuid::Uuid::nil()), &[404]),
        case("a sandbox that is no id", "GET", "/%00/work-dir".into(), &[400, 404]),
        case("climbing out of the sandbox", "GET", format!("/{id}/../../agents"), &[400, 404]),
        case("climbing, encoded", "GET", format!("/{id}/%2e%2e/%2e%2e/version"), &[400, 404]),
        case("no operation", "GET", format!("/{id}/nothing/here"), &[404]),
        case("wrong method", "PATCH", format!("/{id}/files"), &[404, 405]),
        case("a missing file", "GET", format!("/{id}/files/download?path=/nope"), &[404]),
        case("a path with NUL", "GET", format!("/{id}/files/download?path=/etc/pass%00wd"), &[400]),
        case("no path", "GET", format!("/{id}/files/download"), &[400]),
        case(
            "a header line of 1 MiB",
            "GET",
            format!("/{id}/files/info?path={}", "x".repeat(1 << 20)),
            &[400, 414, 431],
        ),
        exec("no JSON", b"{".to_vec(), &[400]),
        exec("no command", b"{}".to_vec(), &[400]),
        exec("a blank command", br#"{"command":"  "}"#.to_vec(), &[400]),
        exec("a command that is a number", br#"{"command":5}"#.to_vec(), &[400]),
        exec("a bad variable name", br#"{"command":"true","envs":{"A B":"c"}}"#.to_vec(), &[400]),
        case("an unknown language", "POST", format!("/{id}/process/code-run"), &[400])
            .body(r#"{"code":"1","language":"cobol"}"#),
        case("a language of 10 MiB", "POST", format!("/{id}/process/code-run"), &[400, 413]).body(huge),
        case("no paths", "POST", format!("/{id}/files/bulk-download"), &[400]).body(r#"{"paths":[]}"#),
        case("permissions in words", "POST", format!("/{id}/files/permissions?path=/tmp&mode=open"), &[400]),
        case("a folder below a file", "POST", format!("/{id}/files/folder?path=/etc/passwd/x&mode=755"), &[400]),
    ]
}

/// The head as the table holds it, without the clock of its last activity.
async fn fingerprint(id: &str) -> Result<Value> {
    let items = table::scan().await?;
    let mut head = (*table::live_heads(&items).get(id).context("the sandbox is in the table")?).clone();
    // The idle timer may be checked meanwhile: bookkeeping that no caller caused.
    for own in ["op", "actor", "active", "updated", "due", "g3pk", "g3sk", "seen_seq", "attempt"] {
        head.remove(own);
    }
    Ok(serde_json::to_value(head)?)
}

#[tokio::test]
async fn a_deleted_key_stops_working_at_the_edge_too() -> Result<()> {
    let _turn = turn::shared().await;
    let owner = Api::owner();
    let target = make(&owner).await?;
    let name = format!("short-lived-{}", &target.id[..8]);
    let wanted = json!({ "name": name, "permissions": ["write:sandboxes"] });
    let made = owner.call(Method::POST, "/api-keys", Some(&wanted)).await?;
    ensure!(made.status == 201, "{made:?}");
    let key = made.body["value"].as_str().context("a new key is shown once")?.to_owned();
    let brief = Api::with_key(Some(key));
    let url = format!("{}/{}/work-dir", STACK.proxy_url, target.id);
    let taken = within(PATIENCE, "the edge has an answer", || async {
        let status = brief.call_url(Method::GET, &url, None).await?.status;
        // An edge that has heard nothing of revocations for a while lets nobody new in, and says that.
        Ok(if status == 503 { Look::NotYet(status.to_string()) } else { Look::Done(status) })
    })
    .await?;
    ensure!(taken == 200, "a new key is refused at the edge: {taken}");

    let deleted = owner.call(Method::DELETE, &format!("/api-keys/{name}"), None).await?;
    ensure!(matches!(deleted.status, 200 | 204), "{deleted:?}");
    // Edges poll the feed of revocations every 2 s (design §8): 5 s is promised. Past the bound it would
    // end by itself: a grant lives 300 s.
    within(PATIENCE, "the edge refuses the key", || async {
        let answer = brief.call_url(Method::GET, &url, None).await?;
        Ok(if answer.status == 401 { Look::Done(()) } else { Look::NotYet(answer.status.to_string()) })
    })
    .await?;
    owner.delete(&target.id).await
}
