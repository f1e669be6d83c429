//! The control plane: real functions, called within the process, each in one of several processes with caches of its own.
//!
//! A call may be lost on its way, be heard twice, or lose its answer; a function may end at any of its awaits.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::config::Credentials;
use axum::{Router, body::Body};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response};
use paddock_functions::{agents, app::App, config::Config, router, schedule, seal::sha256_hex};
use paddock_model::entropy;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::{aws::Aws, chance, clock, trace};

pub const TABLE: &str = "paddock";
pub const JOIN_TOKEN: &str = "join";
pub const API_KEY: &str = "dtn_0123456789abcdef";
pub const ORGANIZATION: Uuid = Uuid::from_u128(0xc0ff_ee00_0000_4000_8000_0000_0000_0001);
pub const IMAGE: &str = "paddock-sandbox:sim";
/// Of the organization: room for some sandboxes and not for all that are asked for.
pub const QUOTA: [u32; 3] = [9, 18, 40];

/// Processes of each function.
const PROCESSES: usize = 2;
/// Lambda ends a function then.
const TIME_LIMIT: Duration = Duration::from_secs(29);

/// Which function.
#[derive(Clone, Copy)]
pub enum Door {
    Api,
    Agents,
}

pub struct Cloud {
    apps: Vec<Arc<App>>,
    api: Vec<Router>,
    agents: Vec<Router>,
}

impl Cloud {
    pub async fn new(aws: &Aws) -> Arc<Self> {
        let settings = sdk(aws).await;
        let app = || {
            let mut app = App::new(config(), &settings, Arc::new(clock::now));
            app.start_wait = Duration::ZERO;
            Arc::new(app)
        };
        let apps: Vec<_> = (0..PROCESSES).map(|_| app()).collect();
        let api = apps.iter().map(|app| router::router(Arc::clone(app))).collect();
        let agents = apps.iter().map(|app| agents::router(Arc::clone(app))).collect();
        Arc::new(Self { apps, api, agents })
    }

    /// As `paddock up` does it, with a pool of this size.
    pub async fn bootstrap(&self, pool: u32) {
        let [cpu, memory, disk] = QUOTA;
        let command = json!({
            "command": "bootstrap",
            "organization": {"id": ORGANIZATION, "name": "first"},
            "user": {"id": "user", "name": "User", "email": "user@localhost"},
            "apiKey": {"name": "first", "sha256": sha256_hex(API_KEY), "prefix": "dtn", "suffix": "def"},
            "snapshot": {"id": Uuid::from_u128(7), "name": "paddock-default", "image": IMAGE, "cpu": 1, "memoryGib": 2, "diskGib": 3},
            "pool": pool,
            "quota": {"cpu": cpu, "memoryGib": memory, "diskGib": disk}
        });
        self.operate(command).await.expect("bootstrap succeeds");
    }

    /// An operator's command, or a tick when there is none.
    pub async fn operate(&self, event: Value) -> Option<Value> {
        let app = Arc::clone(chance::pick(&self.apps)?);
        let work = async move { schedule::handle(&app, event).await.map_err(|error| error.to_string()) };
        let run = tokio::spawn(Mortal::new(tokio::time::timeout(Duration::from_secs(60), work)));
        match unbroken(run).await?? {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                trace::note(format!("reconcile failed: {error}"));
                None
            }
            Err(_) => None,
        }
    }

    /// One request; none when there is no answer.
    pub async fn ask(&self, door: Door, request: Request<Bytes>) -> Option<Response<Bytes>> {
        chance::latency().await;
        if chance::mishap(15) {
            return None;
        }
        if chance::mishap(10) {
            let (late, copy) = (chance::span(Duration::from_secs(10)), self.function(door, copy_of(&request)));
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                drop(unbroken(tokio::spawn(copy)).await);
            });
        }
        // The function goes on when its caller is gone.
        let answer = unbroken(tokio::spawn(self.function(door, request))).await.flatten();
        chance::latency().await;
        answer.filter(|_| !chance::mishap(15))
    }

    fn function(
        &self,
        door: Door,
        request: Request<Bytes>,
    ) -> impl Future<Output = Option<Response<Bytes>>> + Send + use<> {
        let routers = match door {
            Door::Api => &self.api,
            Door::Agents => &self.agents,
        };
        let router = routers[entropy::index(routers.len())].clone();
        Mortal::new(async move {
            let answer = router.oneshot(request.map(Body::from));
            let answer = tokio::time::timeout(TIME_LIMIT, answer).await.ok()?.ok()?;
            let (parts, body) = answer.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.ok()?;
            Some(Response::from_parts(parts, body))
        })
        .flat()
    }
}

/// What a function brought; a panic in one breaks a rule of its own.
async fn unbroken<A>(run: JoinHandle<A>) -> Option<A> {
    let ended = run.await;
    if let Err(panic) = &ended {
        trace::broken(format!("a function panicked: {panic}"));
    }
    ended.ok()
}

fn copy_of(request: &Request<Bytes>) -> Request<Bytes> {
    let mut copy = Request::new(request.body().clone());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// A function that may end at any of its awaits.
struct Mortal<F> {
    life: Pin<Box<F>>,
    /// Polls that are left; none: it lives as long as it needs.
    left: Option<u64>,
}

impl<F: Future> Mortal<F> {
    fn new(life: F) -> Self {
        let left = chance::mishap(20).then(|| 1 + entropy::below(60));
        Self { life: Box::pin(life), left }
    }
}

impl<A, F: Future<Output = Option<A>>> Mortal<F> {
    async fn flat(self) -> Option<A> {
        self.await.flatten()
    }
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(left) = &mut self.left {
            if *left == 0 {
                trace::note("a function is killed");
                return Poll::Ready(None);
            }
            *left -= 1;
        }
        self.life.as_mut().poll(context).map(Some)
    }
}

/// For functions and agents.
pub async fn sdk(aws: &Aws) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("https://aws")
        .http_client(aws.http_client())
        .credentials_provider(Credentials::new("test", "test", None, None, "simulation"));
    let patient = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(25)).build();
    App::settings(loader).timeout_config(patient).load().await
}

fn config() -> Config {
    Config::read(|name| {
        let value = match name {
            "PADDOCK_TABLE" => TABLE.to_owned(),
            "PADDOCK_MASTER_KEY" => STANDARD.encode([7; 32]),
            "PADDOCK_JOIN_TOKEN_SHA256" => sha256_hex(JOIN_TOKEN),
            "PADDOCK_REGION" => "local".to_owned(),
            "PADDOCK_RATE_LIMITS" => return None,
            name if name.ends_with("_URL") => "http://localhost:3000".to_owned(),
            _ => "sim".to_owned(),
        };
        Some(value)
    })
    .expect("the settings are complete")
}
