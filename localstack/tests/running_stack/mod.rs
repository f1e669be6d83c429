//! A stack for one test: the real template, the probe function under every name, clients.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use paddock_localstack::stack::{Options, Stack};
use serde_json::Value;
use tempfile::TempDir;

pub const FUNCTIONS: [&str; 4] = ["api", "agents", "reconcile", "events"];

/// What a test needs to know of an answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// Folder for programs, changed templates and whatever the probe writes.
pub struct Folder {
    pub temp: TempDir,
}

impl Folder {
    /// With the probe as every function's program.
    pub fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        for name in FUNCTIONS {
            std::os::unix::fs::symlink(probe(), temp.path().join(name)).unwrap();
        }
        Self { temp }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// The template with some text replaced; each replacement must apply.
    pub fn template(&self, changes: &[(&str, &str)]) -> PathBuf {
        let mut text = std::fs::read_to_string(template()).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "the template has no {from:?}");
            text = text.replace(from, to);
        }
        let path = self.path("template.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Options for this folder and a template.
    pub fn options(&self, template: PathBuf) -> Options {
        Options { parameters: secrets(), ..Options::in_memory(template, self.temp.path()) }
    }
}

/// A stack with the template as it is.
pub async fn start() -> (Folder, Stack) {
    start_changed(&[]).await
}

/// A stack with some of the template's text replaced.
pub async fn start_changed(changes: &[(&str, &str)]) -> (Folder, Stack) {
    let folder = Folder::new();
    let options = folder.options(folder.template(changes));
    let stack = Stack::start(options).await.unwrap();
    (folder, stack)
}

/// Values for the parameters that have no default.
pub fn secrets() -> BTreeMap<String, String> {
    BTreeMap::from([("MasterKey".into(), "key".into()), ("JoinTokenSha256".into(), "0".repeat(64))])
}

pub fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml")
}

/// `examples/probe_function`, which cargo builds beside the tests.
fn probe() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples/probe_function");
    assert!(path.exists(), "{} is not built: run cargo build -p paddock-localstack --examples", path.display());
    path
}

/// One plain HTTP exchange.
pub async fn send(request: Request<Body>) -> Result<Answer, hyper_util::client::legacy::Error> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (parts, body) = client.request(request).await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

pub async fn get(url: String) -> Answer {
    send(Request::get(url).body(Body::empty()).unwrap()).await.unwrap()
}

/// An order for the probe through the HTTP API.
pub async fn order(stack: &Stack, order: Value) -> Answer {
    let request = Request::post(format!("{}/api/probe", stack.api_url())).header("content-type", "application/json");
    send(request.body(Body::from(order.to_string())).unwrap()).await.unwrap()
}

/// `Invoke` of a function.
pub async fn invoke(stack: &Stack, function: &str, kind: &str, payload: Value) -> Answer {
    let url = format!("{}/2015-03-31/functions/{function}/invocations", stack.endpoint_url());
    let request = Request::post(url).header("x-amz-invocation-type", kind);
    send(request.body(Body::from(payload.to_string())).unwrap()).await.unwrap()
}

/// SDK configuration for the stack, without retries so that answers are seen as they come.
pub async fn sdk(endpoint: &str) -> aws_config::SdkConfig {
    let credentials = aws_sdk_sqs::config::Credentials::new("test", "test", None, None, "test");
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region("us-east-1")
        .credentials_provider(credentials)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .load()
        .await
}

/// Sends messages in one call, in this order. Between two calls a busy machine may take longer than a late message is
/// late.
pub async fn send_together(sqs: &aws_sdk_sqs::Client, url: &str, bodies: &[&str]) {
    let mut entries = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        let entry = SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(*body);
        entries.push(entry.build().unwrap());
    }
    let sent = sqs.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await.unwrap();
    assert!(sent.failed().is_empty(), "{sent:?}");
}

/// So many messages, one by one, as they come.
pub async fn receive(sqs: &aws_sdk_sqs::Client, url: &str, count: usize) -> Vec<String> {
    let mut bodies = Vec::new();
    while bodies.len() < count {
        let receive = sqs.receive_message().queue_url(url).wait_time_seconds(20).max_number_of_messages(1);
        let got = receive.visibility_timeout(600).send().await.unwrap();
        bodies.extend(got.messages().iter().filter_map(|message| message.body().map(str::to_owned)));
    }
    bodies
}

/// State letter of a process in /proc, `None` when there is none.
pub fn process_state(pid: u64) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}

/// Looks until something holds. For what has no event to wait for; the bound only keeps a broken
/// build from hanging.
pub async fn until(mut holds: impl FnMut() -> bool) {
    const BOUND: std::time::Duration = std::time::Duration::from_secs(60);
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < BOUND, "what the test waits for does not come");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}
