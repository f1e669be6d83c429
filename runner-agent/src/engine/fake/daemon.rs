//! The daemon of a fake container: `GET /version` and `POST /env`, and the push of readiness.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    routing::{get, post},
};
use paddock_model::entropy;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::UnixStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::SandboxSpec;
use crate::readiness::{INSIDE_DIR, SOCKET_NAME};

/// A running server; it stops when the last clone is dropped.
#[derive(Clone)]
pub struct FakeDaemon {
    address: SocketAddr,
    socket: Option<PathBuf>,
    env: Arc<Mutex<BTreeMap<String, String>>>,
    _stops: Option<Arc<DropGuard>>,
}

impl FakeDaemon {
    /// Starts listening with the environment of the container; nobody is told yet.
    pub async fn start(spec: &SandboxSpec) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let env = Arc::new(Mutex::new(BTreeMap::new()));
        let stop = CancellationToken::new();
        let server = axum::serve(listener, routes(Arc::clone(&env)));
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = server.into_future() => (),
                () = stopped.cancelled() => (),
            }
        });
        let mount = spec.mounts.iter().find(|mount| mount.target == INSIDE_DIR);
        let socket = mount.map(|mount| mount.source.join(SOCKET_NAME));
        Ok(Self { address, socket, env, _stops: Some(Arc::new(stop.drop_guard())) })
    }

    /// One that is asked through its engine, at an address that is nobody else's.
    pub fn without_socket() -> Self {
        let [a, b, c, d, e, ..] = entropy::word().to_be_bytes();
        let address = SocketAddr::from(([127, a, b, c], u16::from_be_bytes([d, e])));
        Self { address, socket: None, env: Arc::default(), _stops: None }
    }

    /// Its door.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `POST /env` does.
    pub fn set_env(&self, set: &BTreeMap<String, String>) {
        self.env.lock().unwrap_or_else(PoisonError::into_inner).extend(set.clone());
    }

    /// What `POST /env` has set since the server's start.
    pub fn env(&self) -> BTreeMap<String, String> {
        self.env.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process behind the same door is a new one, and says so.
    pub async fn restart(&self) {
        self.env.lock().unwrap_or_else(PoisonError::into_inner).clear();
        push(self.socket.clone()).await;
    }

    /// Tells the agent, as the real daemon does, that the door is open.
    pub fn announce(&self) {
        if self.socket.is_some() {
            tokio::spawn(push(self.socket.clone()));
        }
    }
}

async fn push(socket: Option<PathBuf>) {
    let Some(socket) = socket else { return };
    // The real daemon too goes on without an agent that listens.
    if let Ok(mut stream) = UnixStream::connect(socket).await {
        let _agent_hung_up = stream.write_all(b"{\"version\":\"fake\"}\n").await;
    }
}

fn routes(env: Arc<Mutex<BTreeMap<String, String>>>) -> Router {
    let set = move |Json(body): Json<Value>| async move {
        let mut env = env.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = body["set"].as_object().into_iter().flatten();
        env.extend(pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))));
        Json(json!(*env))
    };
    Router::new().route("/version", get(|| async { Json(json!({"version": "fake"})) })).route("/env", post(set))
}
