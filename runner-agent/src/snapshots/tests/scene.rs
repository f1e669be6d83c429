//! A control plane and an S3 in one server, and a sandbox's files.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path as UrlPath, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use paddock_wire::{
    agents::{
        Capacity, CaptureBegin, CaptureComplete, CapturePartUrls, CaptureParts, CaptureUpload, Register, Registered,
        Role,
    },
    work::{Manifest, Restore},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    control_api::ControlApi,
    snapshots::{CaptureError, Captures, Wanted},
};

pub const PART_BYTES: u64 = 64 * 1024;
pub const IMAGE: &str = "sha256:image";

/// What is to go wrong with a request to S3.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Status(u16),
    /// The connection is lost. Of an object, half has come before.
    Lost,
    /// It never answers.
    Silent,
    /// All URLs given out so far are too old.
    Expired,
}

#[derive(Default)]
pub struct Content {
    /// The present generation of URLs.
    urls: u32,
    upload: u32,
    pub refuse_begin: Option<StatusCode>,
    pub parts: BTreeMap<u32, Bytes>,
    /// Part numbers in the order in which they were taken.
    pub taken: Vec<u32>,
    /// Of the next requests; none: all is well.
    pub faults: VecDeque<Option<Fault>>,
    pub completions: u32,
    pub object: Vec<u8>,
}

pub struct Scene {
    pub content: Arc<Mutex<Content>>,
    pub state: tempfile::TempDir,
    /// The sandbox's upper directory.
    pub upper: tempfile::TempDir,
    pub wanted: Wanted,
    pub cancel: CancellationToken,
    origin: String,
    control: Arc<ControlApi>,
}

type Shared = State<(Arc<Mutex<Content>>, String)>;

impl Scene {
    pub async fn new() -> Self {
        let content = Arc::new(Mutex::new(Content { upload: 1, ..Content::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/agents/register", post(register))
            .route("/agents/captures/{id}/begin", post(begin))
            .route("/agents/captures/{id}/parts", post(part_urls))
            .route("/agents/captures/{id}/complete", post(complete))
            .route("/s3/{urls}/{number}", put(take_part))
            .route("/s3/object", get(object))
            .with_state((Arc::clone(&content), origin.clone()));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let control = Arc::new(ControlApi::new(&format!("{origin}/agents"), "join", introduction()).unwrap());
        control.register().await.unwrap();
        let upper = tempfile::tempdir().unwrap();
        files(upper.path());
        Self {
            content,
            state: tempfile::tempdir().unwrap(),
            upper,
            wanted: Wanted { id: Uuid::new_v4(), sandbox: Uuid::new_v4(), epoch: 7 },
            cancel: CancellationToken::new(),
            origin,
            control,
        }
    }

    /// Those of a new agent.
    pub fn captures(&self) -> Captures {
        Captures::new(self.state.path(), Arc::clone(&self.control)).unwrap()
    }

    pub async fn capture(&self, captures: &Captures) -> Result<Manifest, CaptureError> {
        let packing = captures.begin(self.wanted, self.upper.path(), IMAGE, &self.cancel).await?;
        captures.finish(packing, &self.cancel).await
    }

    pub fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    pub fn fail(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.content().faults = faults.into_iter().collect();
    }

    pub fn restore_of(&self, manifest: Manifest) -> Restore {
        Restore { manifest, url: format!("{}/s3/object", self.origin) }
    }

    pub fn spool(&self) -> std::path::PathBuf {
        self.state.path().join(format!("captures/{}.tar.zst", self.wanted.id))
    }

    pub fn journal(&self) -> std::path::PathBuf {
        self.spool().with_extension("").with_extension("json")
    }
}

/// A megabyte that does not compress.
fn files(dir: &Path) {
    use rand::{RngCore, SeedableRng};
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    for name in ["a", "b", "c", "d"] {
        let mut bytes = vec![0; 256 * 1024];
        random.fill_bytes(&mut bytes);
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

fn introduction() -> Register {
    Register {
        runner_id: None,
        name: "agent".to_owned(),
        region: "local".to_owned(),
        role: Role::Runner,
        version: String::new(),
        relay_url: String::new(),
        ticket_key: String::new(),
        capacity: Capacity::default(),
        capabilities: Vec::new(),
        images: Vec::new(),
        proof: None,
    }
}

async fn register() -> Json<Registered> {
    Json(Registered {
        runner_id: Uuid::new_v4(),
        deployment: "d".to_owned(),
        token: "token".to_owned(),
        queue_url: String::new(),
        env_key: String::new(),
        heartbeat_seconds: 1,
    })
}

async fn begin(State((content, _)): Shared, Json(body): Json<CaptureBegin>) -> Response {
    let content = content.lock().unwrap();
    assert_eq!(body.epoch, 7);
    match content.refuse_begin {
        Some(status) => status.into_response(),
        None => Json(CaptureUpload { upload_id: content.upload.to_string(), part_bytes: PART_BYTES }).into_response(),
    }
}

async fn part_urls(State((content, origin)): Shared, Json(body): Json<CaptureParts>) -> Json<CapturePartUrls> {
    let content = content.lock().unwrap();
    assert_eq!(body.upload_id, content.upload.to_string());
    assert!((1..=100).contains(&body.count), "{body:?}");
    let numbers = body.first..body.first + body.count;
    Json(CapturePartUrls { urls: numbers.map(|number| format!("{origin}/s3/{}/{number}", content.urls)).collect() })
}

async fn complete(State((content, _)): Shared, Json(body): Json<CaptureComplete>) -> StatusCode {
    let mut content = content.lock().unwrap();
    let etags: Vec<String> = content.parts.iter().map(|(number, part)| etag(*number, part)).collect();
    assert_eq!(body.etags, etags);
    content.object = content.parts.values().flatten().copied().collect();
    content.completions += 1;
    StatusCode::NO_CONTENT
}

async fn take_part(State((content, _)): Shared, UrlPath((urls, number)): UrlPath<(u32, u32)>, body: Bytes) -> Response {
    match fault(&content) {
        Some(Fault::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        // Without the message of a panic.
        Some(Fault::Lost) => std::panic::resume_unwind(Box::new(())),
        Some(Fault::Silent) => std::future::pending().await,
        Some(Fault::Expired) => content.lock().unwrap().urls += 1,
        None => {}
    }
    let mut content = content.lock().unwrap();
    if urls != content.urls {
        return StatusCode::FORBIDDEN.into_response();
    }
    let etag = etag(number, &body);
    content.parts.insert(number, body);
    content.taken.push(number);
    ([("etag", etag)], "").into_response()
}

async fn object(State((content, _)): Shared) -> Response {
    let bytes = content.lock().unwrap().object.clone();
    match fault(&content) {
        Some(Fault::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Fault::Lost) => {
            let half = Ok(Bytes::from(bytes[..bytes.len() / 2].to_vec()));
            let lost = futures::stream::iter([half, Err(std::io::Error::other("on purpose"))]);
            Body::from_stream(lost).into_response()
        }
        Some(Fault::Silent) => {
            let half = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(bytes[..bytes.len() / 2].to_vec()))]);
            Body::from_stream(futures::StreamExt::chain(half, futures::stream::pending())).into_response()
        }
        Some(Fault::Expired) => StatusCode::FORBIDDEN.into_response(),
        None => bytes.into_response(),
    }
}

fn fault(content: &Mutex<Content>) -> Option<Fault> {
    content.lock().unwrap().faults.pop_front().flatten()
}

fn etag(number: u32, bytes: &[u8]) -> String {
    format!("\"{number}-{}\"", bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>())
}
