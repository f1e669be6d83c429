//! WebSockets: the upgrade is passed on, then bytes go both ways untouched until one side ends or access is revoked.

use http::{HeaderMap, HeaderValue, Method, Request, Response, Version, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::{body::Body, strip};

const BUFFER: usize = 32 * 1024;

/// A wish to switch to the WebSocket protocol. No other protocol is passed on.
pub struct Upgrade(());

impl Upgrade {
    /// What the request asks for.
    pub fn asked_by<B>(request: &Request<B>) -> Option<Self> {
        let headers = request.headers();
        let asked = request.method() == Method::GET
            && request.version() == Version::HTTP_11
            && has_token(headers, &header::CONNECTION, "upgrade")
            && has_token(headers, &header::UPGRADE, "websocket");
        asked.then_some(Self(()))
    }

    /// Puts the question back after the headers of the caller's connection were stripped.
    pub fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
}

fn has_token(headers: &HeaderMap, name: &http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Answers 101 and joins both sides in a task of its own.
pub fn tunnel(
    asked: Upgrade,
    caller: OnUpgrade,
    mut response: Response<Incoming>,
    revoked: &CancellationToken,
    held: impl Send + 'static,
) -> Response<Body> {
    let daemon = hyper::upgrade::on(&mut response);
    let revoked = revoked.clone();
    tokio::spawn(async move {
        let _held = held;
        // Nothing to send a last frame with: frames are not looked at, and half of one may be on its way.
        revoked.run_until_cancelled(join(caller, daemon)).await
    });
    let mut answer = Response::new(Body::full(""));
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    strip::response(answer.headers_mut());
    asked.ask(answer.headers_mut());
    answer
}

async fn join(caller: OnUpgrade, daemon: OnUpgrade) {
    let (Ok(caller), Ok(daemon)) = tokio::join!(caller, daemon) else { return };
    let (mut caller, mut daemon) = (TokioIo::new(caller), TokioIo::new(daemon));
    // Ends when both directions have ended: a side that is done sending may still be listening.
    let ended = tokio::io::copy_bidirectional_with_sizes(&mut caller, &mut daemon, BUFFER, BUFFER).await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a tunnel broke");
    }
}
