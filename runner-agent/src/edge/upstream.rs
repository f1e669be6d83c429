//! Connections to daemons and relay doors, kept alive between requests.

use std::{net::SocketAddr, time::Duration};

use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use moka::future::Cache;
use tokio::net::TcpStream;
use tower::{ServiceExt, util::MapResponse};
use uuid::Uuid;

use super::{body::UploadBody, early_answer::EarlyAnswer};

type Stream = TokioIo<TcpStream>;
type Connector = MapResponse<HttpConnector, fn(Stream) -> EarlyAnswer<Stream>>;

/// A client that repeats a request by itself only when a kept connection turned out to be closed before one byte of
/// the request was written.
pub type HttpClient = Client<Connector, UploadBody>;

/// Shorter than an address of a dead sandbox rests before another gets it.
const KEEP_IDLE: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const MOST_DAEMONS: u64 = 4096;

/// All connections out of this edge.
pub struct Upstreams {
    /// A client for each sandbox in each of its generations: a connection never outlives the wish it was made under.
    daemons: Cache<(Uuid, (u64, u64), SocketAddr), HttpClient>,
    relays: HttpClient,
}

impl Default for Upstreams {
    fn default() -> Self {
        let daemons = Cache::builder().max_capacity(MOST_DAEMONS).time_to_idle(KEEP_IDLE * 2).build();
        Self { daemons, relays: client() }
    }
}

impl Upstreams {
    /// Connections to one daemon.
    pub async fn daemon(&self, sandbox_id: Uuid, applied: (u64, u64), addr: SocketAddr) -> HttpClient {
        self.daemons.get_with((sandbox_id, applied, addr), async { client() }).await
    }

    /// Connections to relay doors.
    pub fn relays(&self) -> HttpClient {
        self.relays.clone()
    }
}

fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    // A WebSocket may be silent for hours; a peer that vanished must be noticed all the same.
    connector.set_keepalive(Some(Duration::from_secs(60)));
    connector.set_keepalive_interval(Some(Duration::from_secs(15)));
    connector.set_keepalive_retries(Some(4));
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(KEEP_IDLE)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http1_max_headers(200)
        .build(connector.map_response(EarlyAnswer::new as fn(Stream) -> EarlyAnswer<Stream>))
}
