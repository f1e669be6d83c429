//! A deployment of its own for each test.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::config::Credentials;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paddock_functions::{
    actions::{Requester, create_sandbox, stop_sandbox, sweep_due},
    app::App,
    config::Config,
    schedule,
    seal::sha256_hex,
};
use paddock_localstack::{
    faults::FaultPlan,
    stack::{Options, Stack},
};
use paddock_model::{
    id::{OrganizationId, SandboxId, UserId},
    lifecycle::State,
    quota::Charge,
    sandbox::{Detail, Sandbox, Timers},
    time::Timestamp,
};
use serde_json::json;
use uuid::Uuid;

use crate::runner::FakeRunner;

pub const TABLE: &str = "paddock";
pub const BUCKET: &str = "paddock-local";
pub const JOIN_TOKEN: &str = "join";
pub const API_KEY: &str = "dtn_0123456789abcdef";
pub const SNAPSHOT: &str = "paddock-default";
pub const IMAGE: &str = "paddock-sandbox:test";

/// What the organization of each scene may use.
pub const QUOTA: Charge = Charge { cpu: 8, memory_gib: 16, disk_gib: 124 };

pub struct Scene {
    pub app: App,
    pub sqs: aws_sdk_sqs::Client,
    pub db: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
    pub stack: Stack,
    pub requester: Requester,
    time: Arc<AtomicI64>,
}

impl Scene {
    /// Without faults, without a pool.
    pub async fn new() -> Self {
        Self::with_pool(0).await
    }

    pub async fn with_pool(pool: u32) -> Self {
        let stack = Stack::start(options()).await.expect("the embedded stack starts");
        let aws = aws(&stack.endpoint_url()).await;
        // From now on: the engine expires items by the real clock, and would sweep what a past one had just written.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let time = Arc::new(AtomicI64::new(i64::try_from(now.as_millis()).expect("long before the end of time")));
        let clock = Arc::clone(&time);
        let mut app = App::new(config(), &aws, Arc::new(move || Timestamp(clock.load(Ordering::SeqCst))));
        // Runners here work when the test says so.
        app.start_wait = Duration::ZERO;
        let organization = OrganizationId(Uuid::new_v4());
        let scene = Self {
            app,
            sqs: aws_sdk_sqs::Client::new(&aws),
            db: aws_sdk_dynamodb::Client::new(&aws),
            s3: s3(&aws),
            stack,
            requester: Requester { organization, user: UserId("user".to_owned()) },
            time,
        };
        scene.bootstrap(pool).await;
        scene
    }

    pub async fn bootstrap(&self, pool: u32) {
        self.bootstrap_with(pool, QUOTA.cpu).await;
    }

    /// With room for this many sandboxes.
    pub async fn bootstrap_quota(&self, sandboxes: u32) {
        self.bootstrap_with(0, sandboxes).await;
    }

    async fn bootstrap_with(&self, pool: u32, sandboxes: u32) {
        let command = json!({
            "command": "bootstrap",
            "organization": {"id": self.requester.organization.0, "name": "first"},
            "user": {"id": "user", "name": "User", "email": "user@localhost"},
            "apiKey": {"name": "first", "sha256": sha256_hex(API_KEY), "prefix": "dtn", "suffix": "def"},
            "snapshot": {"id": Uuid::from_u128(7), "name": SNAPSHOT, "image": IMAGE, "cpu": 1, "memoryGib": 2, "diskGib": 3},
            "pool": pool,
            "quota": {"cpu": sandboxes, "memoryGib": 2 * sandboxes, "diskGib": 100 + 3 * sandboxes}
        });
        schedule::handle(&self.app, command).await.expect("bootstrap succeeds");
    }

    /// The bucket, as a runner with presigned requests sees it.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    pub fn set_faults(&self, plan: FaultPlan) {
        self.stack.endpoint().faults.set(plan);
    }

    pub fn pass(&self, time: Duration) {
        self.time.fetch_add(i64::try_from(time.as_millis()).expect("short"), Ordering::SeqCst);
    }

    pub async fn runner(&self) -> FakeRunner {
        FakeRunner::join(self).await
    }

    pub async fn create(&self) -> Detail {
        create_sandbox::run(&self.app, &self.requester, request()).await.expect("create succeeds")
    }

    /// A sandbox, started by the runner.
    pub async fn started(&self, runner: &mut FakeRunner) -> Sandbox {
        let id = self.create().await.head.id;
        runner.work_off(self).await;
        let head = self.head(id).await;
        assert_eq!(head.state, State::Started);
        head
    }

    /// One that its runner has stopped.
    pub async fn stopped(&self, runner: &mut FakeRunner) -> Sandbox {
        let id = self.started(runner).await.id;
        stop_sandbox::run(&self.app, &self.requester, &id.to_string(), false).await.expect("stop succeeds");
        runner.work_off(self).await;
        self.head(id).await
    }

    pub async fn head(&self, id: SandboxId) -> Sandbox {
        self.app.store.head(id).await.expect("the table reads").expect("the head is there").sandbox
    }

    /// A sandbox's item as it lies in the table: `H` the head, `P` the specification.
    pub async fn item(&self, id: SandboxId, sk: &str) -> HashMap<String, AttributeValue> {
        let read = self.db.get_item().table_name(TABLE).consistent_read(true);
        let read = read.key("pk", AttributeValue::S(format!("S#{id}"))).key("sk", AttributeValue::S(sk.to_owned()));
        read.send().await.expect("the table reads").item.expect("the item is there")
    }

    /// Overwrites one attribute of a sandbox's item, behind the program's back.
    pub async fn tamper(&self, id: SandboxId, sk: &str, name: &str, value: AttributeValue) {
        let mut item = self.item(id, sk).await;
        item.insert(name.to_owned(), value);
        self.db.put_item().table_name(TABLE).set_item(Some(item)).send().await.expect("the table is written");
    }

    /// Makes its head one that no version of this program wrote.
    pub async fn spoil(&self, id: SandboxId) {
        self.tamper(id, "H", "state", AttributeValue::S("nonsense".to_owned())).await;
    }

    pub async fn sweep(&self) -> sweep_due::Look {
        sweep_due::run(&self.app, self.app.now()).await.expect("the sweep works")
    }

    /// What the organization's quota says is used, and what its sandboxes say they hold.
    pub async fn used_and_held(&self) -> (Charge, Charge) {
        let organization = self.requester.organization;
        let quota = self.app.store.quota(organization, "local").await.expect("reads").expect("there");
        let held = self.app.store.sandboxes_of(organization).await.expect("reads");
        let held = held.iter().fold(Charge::default(), |sum, detail| sum + detail.head.charge);
        let used = Charge {
            cpu: quota.limit.cpu - quota.free.cpu,
            memory_gib: quota.limit.memory_gib - quota.free.memory_gib,
            disk_gib: quota.limit.disk_gib - quota.free.disk_gib,
        };
        (used, held)
    }

    pub async fn assert_conserved(&self) {
        let (used, held) = self.used_and_held().await;
        assert_eq!(used, held, "quota used = sum of charges");
    }
}

pub fn request() -> create_sandbox::Request {
    create_sandbox::Request {
        name: None,
        snapshot: None,
        region: None,
        env: BTreeMap::new(),
        labels: BTreeMap::new(),
        public: false,
        timers: Timers::default(),
        life: None,
    }
}

pub fn named(name: &str) -> create_sandbox::Request {
    create_sandbox::Request { name: Some(name.to_owned()), ..request() }
}

fn options() -> Options {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("functions/ is in the repository");
    let mut options = Options::in_memory(root.join("infra/template.yaml"), root.join("target/no-functions"));
    let parameters = [("MasterKey", STANDARD.encode([7; 32])), ("JoinTokenSha256", sha256_hex(JOIN_TOKEN))];
    options.parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
    options
}

fn s3(aws: &SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(aws).force_path_style(true).build())
}

async fn aws(endpoint: &str) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"));
    // A busy machine may take longer than AWS does, and a call that is made again counts twice.
    let patience = Duration::from_secs(60);
    let patient = TimeoutConfig::builder().connect_timeout(patience).operation_attempt_timeout(patience).build();
    App::settings(loader).timeout_config(patient).load().await
}

fn config() -> Config {
    Config::read(|name| {
        let value = match name {
            "PADDOCK_TABLE" => TABLE.to_owned(),
            "PADDOCK_BUCKET" => BUCKET.to_owned(),
            "PADDOCK_MASTER_KEY" => STANDARD.encode([7; 32]),
            "PADDOCK_JOIN_TOKEN_SHA256" => sha256_hex(JOIN_TOKEN),
            "PADDOCK_REGION" => "local".to_owned(),
            "PADDOCK_RATE_LIMITS" => return None,
            name if name.ends_with("_URL") => "http://localhost:3000".to_owned(),
            _ => "test".to_owned(),
        };
        Some(value)
    })
    .expect("the settings are complete")
}
