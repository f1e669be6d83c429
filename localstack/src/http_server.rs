//! One accept loop for every HTTP listener of this program.
//!
//! Plain hyper instead of axum's server, because a handler must be able to close the connection
//! without an answer (a lost answer is one of the faults we inject).

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// What a handler gives when the caller shall see its connection close without a byte.
#[derive(Debug, thiserror::Error)]
#[error("the answer was thrown away on purpose")]
pub struct LostAnswer;

impl From<Infallible> for LostAnswer {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A port that cannot be had, with the flag that chooses another.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({source}); choose another with {flag}")]
pub struct ListenError {
    address: String,
    flag: &'static str,
    source: std::io::Error,
}

/// Binds every address of the name, naming it and the flag when that fails. `localhost` may be two: a client that
/// tries only the first one must not be refused, nor meet somebody else at the second.
pub async fn bind(address: &str, flag: &'static str) -> Result<Vec<TcpListener>, ListenError> {
    let failed = |source| ListenError { address: address.into(), flag, source };
    let addresses: BTreeSet<SocketAddr> = tokio::net::lookup_host(address).await.map_err(failed)?.collect();
    let mut listeners = Vec::new();
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            // The name is in /etc/hosts, but this machine has IPv6 switched off.
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable && !listeners.is_empty() => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if listeners.is_empty() { Err(failed(ErrorKind::AddrNotAvailable.into())) } else { Ok(listeners) }
}

/// Serves until dropped; dropping closes every connection.
pub async fn serve<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, LostAnswer>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, handler.clone()));
                }
                // Out of descriptors or a caller that left: the listener itself is still good, but must not spin.
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<H, F>(stream: TcpStream, peer: SocketAddr, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, LostAnswer>> + Send + 'static,
{
    // Small answers must not wait for the peer's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let service = service_fn(move |request| handler(request, peer));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, %peer, "connection ended");
    }
}
