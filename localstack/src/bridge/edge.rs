//! Paths under `/api` that are the edge's: CloudFront sends them there on AWS, this does here.
//! Streams both ways and passes upgrades through.

use std::net::SocketAddr;

use axum::body::Body;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::payload::message;

pub(super) struct Edge {
    origin: Uri,
    client: Client<HttpConnector, Incoming>,
}

impl Edge {
    pub(super) fn new(origin: Uri) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { origin, client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    pub(super) fn is_its_path(path: &str) -> bool {
        ["/api/toolbox", "/api/socket.io"]
            .iter()
            .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    pub(super) async fn forward(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let Some(uri) = self.target(request.uri()) else {
            return message(StatusCode::BAD_REQUEST, "Bad Request");
        };
        *request.uri_mut() = uri;
        if let Ok(source) = HeaderValue::from_str(&peer.ip().to_string()) {
            request.headers_mut().append("x-forwarded-for", source);
        }
        let upgrade = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
        let mut response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) => {
                tracing::warn!(%error, origin = %self.origin, "the edge does not answer");
                return message(StatusCode::BAD_GATEWAY, "the edge does not answer");
            }
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(upgrade) = upgrade
        {
            let upstream = hyper::upgrade::on(&mut response);
            tokio::spawn(async move {
                if let (Ok(caller), Ok(edge)) = (upgrade.await, upstream.await) {
                    let (mut caller, mut edge) = (TokioIo::new(caller), TokioIo::new(edge));
                    // Either side may just go; there is nobody to tell.
                    drop(tokio::io::copy_bidirectional(&mut caller, &mut edge).await);
                }
            });
        }
        response.map(Body::new)
    }

    fn target(&self, uri: &Uri) -> Option<Uri> {
        let mut parts = self.origin.clone().into_parts();
        parts.path_and_query = uri.path_and_query().cloned().or_else(|| Some(PathAndQuery::from_static("/")));
        Uri::from_parts(parts).ok()
    }
}
