//! One embedded AWS endpoint for all tests of this program; an organization of its own for each test.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use paddock_functions::actions::{apply_report, bootstrap, register_agent};
use paddock_functions::app::{App, Clock, system_clock};
use paddock_functions::config::Config;
use paddock_functions::router::router;
use paddock_functions::seal::sha256_hex;
use paddock_localstack::stack::{Options, Stack};
use paddock_model::access::{ApiKey, Permission};
use paddock_model::id::{OrganizationId, RunnerId, UserId};
use paddock_model::time::Timestamp;
use paddock_wire::agents::{Capacity, Register, Registered, Role};
use paddock_wire::work::{Message, Observed, Report, Wish, Work};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use uuid::Uuid;

/// Outlives every test, so that the endpoint's tasks do.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime starts"));

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("functions/ is in the repository");
    // No function is invoked here: where their programs would be is of no interest.
    let mut options = Options::in_memory(root.join("infra/template.yaml"), root.join("target/no-functions"));
    let parameters = [("MasterKey", STANDARD.encode([7; 32])), ("JoinTokenSha256", sha256_hex(JOIN_TOKEN))];
    options.parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
    RUNTIME.block_on(Stack::start(options)).expect("the embedded stack starts")
});

const JOIN_TOKEN: &str = "join";

/// The fake runner is quick; a busy machine may not be, and a second is soon over.
const START_WAIT: Duration = Duration::from_secs(60);

/// Runs a test on the runtime that all share; on this thread, so that its failure is told as its own.
pub fn run(test: impl Future<Output = ()>) {
    // Here, because what runs on a runtime cannot wait for it.
    LazyLock::force(&STACK);
    RUNTIME.block_on(test);
}

fn aws() -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(STACK.endpoint_url())
        .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "fixture",
        )))
        .build()
}

/// A deployment's settings. Each fixture has a region of its own, so that runners of other tests are not seen.
fn config(region: &str, rate_limits: &str) -> Config {
    let value = |name: &str| {
        let value = match name {
            "PADDOCK_TABLE" => "paddock".to_owned(),
            "PADDOCK_MASTER_KEY" => STANDARD.encode([7; 32]),
            "PADDOCK_JOIN_TOKEN_SHA256" => sha256_hex(JOIN_TOKEN),
            "PADDOCK_QUEUE_PREFIX" => "paddock-runner-".to_owned(),
            "PADDOCK_PROXY_URL" => "http://localhost:4000/toolbox".to_owned(),
            "PADDOCK_PREVIEW_TEMPLATE" => "http://{{PORT}}-{{sandboxId}}.preview.localhost:4000".to_owned(),
            "PADDOCK_DASHBOARD_URL" => "http://localhost:3000/dashboard".to_owned(),
            "PADDOCK_REGION" => region.to_owned(),
            "PADDOCK_RATE_LIMITS" => rate_limits.to_owned(),
            _ => "test".to_owned(),
        };
        Some(value)
    };
    Config::read(value).expect("the settings are complete")
}

/// An organization with a quota, a user and a key that may do everything.
pub struct Fixture {
    pub app: Arc<App>,
    pub organization: OrganizationId,
    pub user: UserId,
    /// May do everything.
    pub key: String,
    router: Router,
}

impl Fixture {
    /// With no limits of requests and the real clock.
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// With limits of requests.
    pub async fn with(rate_limits: &str) -> Self {
        let region = format!("region-{}", Uuid::new_v4().simple());
        let mut app = App::new(config(&region, rate_limits), &aws(), rising_clock());
        app.start_wait = START_WAIT;
        Self::of(Arc::new(app), "user").await
    }

    /// Another organization of the same deployment.
    pub async fn neighbour(&self) -> Self {
        Self::of(self.app.clone(), "neighbour").await
    }

    async fn of(app: Arc<App>, user: &str) -> Self {
        let (id, key) = (Uuid::new_v4(), format!("dtn_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
        let first: bootstrap::Bootstrap = serde_json::from_value(json!({
            "organization": {"id": id, "name": "Organization"},
            "user": {"id": user, "name": "User", "email": "user@example.com"},
            "apiKey": {"name": "first", "sha256": sha256_hex(&key), "prefix": "dtn", "suffix": &key[key.len() - 3..]},
            "snapshot": {"id": SNAPSHOT, "name": "paddock-default", "image": "paddock-sandbox:test",
                         "cpu": 1, "memoryGib": 1, "diskGib": 3},
            "pool": 0,
            "quota": {"cpu": 10, "memoryGib": 10, "diskGib": 30},
        }))
        .expect("a bootstrap command");
        bootstrap::run(&app, first).await.expect("the first organization is made");
        let router = router(app.clone());
        Self { app, organization: OrganizationId(id), user: UserId(user.to_owned()), key, router }
    }

    /// A further key of this user.
    pub async fn make_key(&self, permissions: &[Permission], expires_at: Option<Timestamp>) -> String {
        let value = format!("dtn_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let key = ApiKey {
            sha256: sha256_hex(&value),
            organization: self.organization,
            user: self.user.clone(),
            name: format!("key {}", Uuid::new_v4().simple()),
            prefix: "dtn".to_owned(),
            suffix: value[value.len() - 3..].to_owned(),
            permissions: permissions.to_vec(),
            created_at: self.app.now(),
            last_used_at: None,
            expires_at,
        };
        assert!(self.app.store.create_api_key(&key).await.expect("the table works"));
        value
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.expect("a router does not fail");
        Answer::read(answer).await
    }

    /// Calls an operation with the fixture's key.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(Some(&self.key), method, path, body).await
    }

    /// Calls an operation with some key, or none.
    pub async fn call_as(&self, key: Option<&str>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api{path}"));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).expect("a request")).await
    }

    /// Creates a sandbox. Without a runner it waits for one, in state `creating`.
    pub async fn create(&self, body: Value) -> Value {
        let answer = self.call("POST", "/sandbox", Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    /// All sandboxes of the organization as they are stored: what must not change when a request is refused.
    pub async fn stored(&self) -> String {
        let mut sandboxes = self.app.store.sandboxes_of(self.organization).await.expect("the table works");
        sandboxes.sort_by_key(|detail| detail.head.id);
        let keys = self.app.store.api_keys_of(self.organization, &self.user).await.expect("the table works");
        let keys: Vec<_> = keys.into_iter().map(|key| (key.sha256, key.name)).collect();
        format!("{sandboxes:#?}\n{keys:#?}")
    }

    /// A runner that does at once what it is told. Ends with the answer.
    pub async fn runner(&self) -> FakeRunner {
        FakeRunner::start(self.app.clone()).await
    }
}

/// Any answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    /// Null when there was none.
    pub body: Value,
}

impl Answer {
    async fn read(answer: Response<Body>) -> Self {
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.expect("the body ends").to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        assert!(body != Value::Null || bytes.is_empty(), "not JSON: {bytes:?}");
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// It is a refusal with this status, in the wire's shape; answers its message.
    #[track_caller]
    pub fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/json");
        let text = |key: &str| self.body[key].as_str().unwrap_or_else(|| panic!("{key} is a text: {}", self.body));
        assert!(text("path").starts_with("/api"), "{}", self.body);
        assert!(text("timestamp").ends_with('Z') && text("timestamp").len() == 24, "{}", self.body);
        assert_eq!(self.body["statusCode"], status);
        assert_eq!(text("error"), self.status.canonical_reason().expect("a known status"));
        assert_eq!(text("source"), "DAYTONA_API");
        assert!(!text("code").is_empty() && !text("message").is_empty(), "{}", self.body);
        text("message")
    }
}

/// Takes work from its queue and reports it done.
pub struct FakeRunner {
    task: JoinHandle<()>,
}

impl FakeRunner {
    async fn start(app: Arc<App>) -> Self {
        let room = Capacity { cpu: 16, memory_gib: 16, disk_gib: 100, sandboxes: 16 };
        let register = Register {
            runner_id: None,
            name: "fake".to_owned(),
            region: app.config.region.clone(),
            role: Role::Both,
            version: "0".to_owned(),
            relay_url: "http://127.0.0.1:1".to_owned(),
            ticket_key: STANDARD.encode([1; 32]),
            capacity: room,
            capabilities: Vec::new(),
            images: vec!["paddock-sandbox:test".to_owned()],
            proof: None,
        };
        let registered = register_agent::run(&app, JOIN_TOKEN, register).await.expect("the runner joins");
        Self { task: tokio::spawn(serve(app, registered)) }
    }
}

impl Drop for FakeRunner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(app: Arc<App>, registered: Registered) {
    let sqs = aws_sdk_sqs::Client::new(&aws());
    let runner = RunnerId(registered.runner_id);
    loop {
        let poll = sqs.receive_message().queue_url(&registered.queue_url).wait_time_seconds(20).send();
        for message in poll.await.expect("the queue works").messages.unwrap_or_default() {
            let receipt = message.receipt_handle.unwrap_or_default();
            sqs.delete_message()
                .queue_url(&registered.queue_url)
                .receipt_handle(receipt)
                .send()
                .await
                .expect("deleted");
            let text = message.body.unwrap_or_default();
            if let Message::Work(work) = serde_json::from_str(&text).expect("a message of ours") {
                apply_report::run(&app, runner, &done(&work)).await;
            }
        }
    }
}

fn done(work: &Work) -> Report {
    let observed = match work.wish {
        Wish::Started => Observed::Started,
        Wish::Archived if work.archived.is_some() => Observed::Archived,
        Wish::Stopped { .. } | Wish::Archived => Observed::Stopped,
        Wish::Paused => Observed::Paused,
        Wish::Destroyed => Observed::Destroyed,
    };
    let Work { sandbox_id, epoch, generation, seq, .. } = *work;
    Report { sandbox_id, epoch, generation, seq: seq + 1, observed, facts: Default::default() }
}

/// The one general snapshot; every fixture puts the same.
const SNAPSHOT: Uuid = Uuid::from_u128(0x6f1e_8f0a_3c1d_4a52_9c63_0d6a_1f0e_9b11);

/// The real time, but never the same twice and never back: what was made later is later, also when the machine's clock
/// is set meanwhile.
fn rising_clock() -> Clock {
    let last = Mutex::new(0_i64);
    Arc::new(move || {
        let mut last = last.lock().expect("nobody panics meanwhile");
        *last = system_clock().0.max(*last + 1);
        Timestamp(*last)
    })
}
