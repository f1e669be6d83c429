//! HTTP/1.1 connections in: limits, keep-alive, upgrades, and an end that lets answers out.

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use http::{Method, Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    body::Body,
    error::EdgeError,
    malformed::{self, Reached, Worded},
};

const MOST_CONNECTIONS: usize = 10_000;
const MAX_HEADERS: usize = 200;
/// Also the largest request head.
const BUFFER: usize = 128 * 1024;
/// A head must be complete within this time; a kept connection may be silent as long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// Open requests may go on this long after the shutdown began.
const GRACE: Duration = Duration::from_secs(5);

/// Accepts until the shutdown, then lets open requests end. `answer` is called for each request.
pub async fn serve<A, F>(listener: TcpListener, answer: A, shutdown: CancellationToken)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let tracker = TaskTracker::new();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Some(Ok(permit)) = shutdown.run_until_cancelled(Arc::clone(&room).acquire_owned()).await {
        let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await else { break };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, answer.clone(), shutdown.clone());
                tracker.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors, mostly: accepting at once again would spin.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    tracker.close();
    if tokio::time::timeout(GRACE, tracker.wait()).await.is_err() {
        tracing::info!(connections = tracker.len(), "closing connections that are still busy");
    }
}

async fn connection<A, F>(stream: TcpStream, answer: A, shutdown: CancellationToken)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    prepare(&stream);
    let reached = Reached::default();
    let worded = Worded::new(TokioIo::new(stream), reached.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        reached.set();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(surely(answer(request), &method, &path).await) }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(BUFFER)
        .serve_connection(worded, service)
        .with_upgrades();
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let Err(error) = ended else { return };
    tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
    if error.is_parse()
        && let Some(parts) = connection.into_parts()
    {
        malformed::linger(parts.io.into_inner().into_inner()).await;
    }
}

/// A bug in a handler must not look like a lost connection: SDKs would repeat the request.
async fn surely(answer: impl Future<Output = Response<Body>>, method: &Method, path: &str) -> Response<Body> {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(%method, path, "a handler panicked");
        EdgeError::Internal.into_response(method, path)
    })
}

fn prepare(stream: &TcpStream) {
    let set = stream
        .set_nodelay(true)
        .and_then(|()| Ok(setsockopt(stream, sockopt::KeepAlive, &true)?))
        // WebSockets may be silent for hours; a caller that vanished must be noticed all the same.
        .and_then(|()| Ok(setsockopt(stream, sockopt::TcpKeepIdle, &60)?))
        .and_then(|()| Ok(setsockopt(stream, sockopt::TcpKeepInterval, &15)?))
        .and_then(|()| Ok(setsockopt(stream, sockopt::TcpKeepCount, &4)?));
    if let Err(error) = set {
        tracing::debug!(%error, "socket options");
    }
}
