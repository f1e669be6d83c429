//! One accept loop for every HTTP listener of this program.
//!
//! Plain hyper instead of axum's server, because a handler must be able to close the connection
//! without an answer (a lost answer is one of the faults we inject).

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

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

/// Binds, naming address and flag when that fails.
pub async fn bind(address: &str, flag: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address: address.into(), flag, source })
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
                // Out of descriptors or a caller that left: the listener itself is still good.
                Err(error) => tracing::warn!(%error, "accept failed"),
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
