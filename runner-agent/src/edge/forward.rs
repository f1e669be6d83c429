//! Passing one request on, to a daemon or to a relay door, and its answer back.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::{
    body::{Body as _, Incoming},
    upgrade::OnUpgrade,
};
use tokio_util::sync::CancellationToken;

use super::{
    body::{Body, Upload},
    error::EdgeError,
    strip,
    upgrade::{self, Upgrade},
    upstream::HttpClient,
};

/// What a caller wants passed on, made fit for the daemon; can be tried more than once until its body is read.
pub struct Inbound {
    method: Method,
    path_and_query: String,
    headers: HeaderMap,
    upload: Upload,
    upgrade: Option<Upgrade>,
    on_upgrade: Option<OnUpgrade>,
}

/// One try: where to, and with what header added.
pub struct Hop {
    /// Connections to take.
    pub client: HttpClient,
    /// `http://host:port`, and a path in front of the caller's.
    pub base: String,
    /// Added last, so that a caller cannot have set it.
    pub add: Option<(HeaderName, HeaderValue)>,
}

/// Why a hop brought no answer.
#[derive(Debug)]
pub enum HopError {
    /// No connection: nothing was sent.
    Connect,
    /// It broke off after something was sent; whether it was done is unknown.
    Broken(EdgeError),
}

impl Inbound {
    /// Takes a request apart. `rest` is the path that the daemon sees.
    pub fn new(mut request: Request<Incoming>, rest: &str) -> Self {
        let upgrade = Upgrade::asked_by(&request);
        let on_upgrade = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        let path_and_query = match parts.uri.query().and_then(strip::query) {
            Some(query) => format!("{rest}?{query}"),
            None => rest.to_owned(),
        };
        let expects_continue = parts.headers.contains_key(header::EXPECT);
        let mut headers = parts.headers;
        strip::request(&mut headers);
        one_length(&mut headers, &body);
        let upload = Upload::new(body, expects_continue);
        Self { method: parts.method, path_and_query, headers, upload, upgrade, on_upgrade }
    }

    /// Another try is possible: the body is empty, or no try has read from it.
    pub fn can_be_tried(&self) -> bool {
        self.upload.is_whole()
    }

    /// Makes another try possible after one that was refused by another runner's door, where the body is small.
    pub async fn keep_small(&self) {
        self.upload.keep_small().await;
    }

    /// Sends it over one hop and waits for the head of the answer.
    pub async fn send(&self, hop: &Hop, revoked: &CancellationToken) -> Result<Response<Incoming>, HopError> {
        let broken = |message: &str| HopError::Broken(EdgeError::BadGateway(message.to_owned()));
        let body = self.upload.lend(revoked).ok_or_else(|| broken("The upload broke off before it was answered."))?;
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = format!("{}{}", hop.base, self.path_and_query)
            .parse()
            .map_err(|_| HopError::Broken(EdgeError::BadRequest("The path cannot be passed on.".to_owned())))?;
        *request.headers_mut() = self.headers.clone();
        if let Some(upgrade) = &self.upgrade {
            upgrade.ask(request.headers_mut());
        }
        if let Some((name, value)) = &hop.add {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        hop.client.request(request).await.map_err(|error| {
            tracing::debug!(base = hop.base, error = &error as &dyn std::error::Error, "no answer");
            if error.is_connect() { HopError::Connect } else { broken("The sandbox broke off without an answer.") }
        })
    }

    /// The answer for the caller. `held` is dropped when the request is over, its stream or tunnel included.
    pub fn answer(
        self,
        response: Response<Incoming>,
        prefix: &str,
        revoked: &CancellationToken,
        held: impl Send + 'static,
    ) -> Result<Response<Body>, EdgeError> {
        let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        match (self.upgrade, self.on_upgrade) {
            (Some(asked), Some(caller)) if switching => Ok(upgrade::tunnel(asked, caller, response, revoked, held)),
            _ if switching => Err(EdgeError::BadGateway("The sandbox switched protocols unasked.".to_owned())),
            _ => {
                let (mut parts, body) = response.into_parts();
                parts.version = Version::HTTP_11;
                parts.extensions.clear();
                strip::response(&mut parts.headers);
                one_length(&mut parts.headers, &body);
                prefix_location(parts.status, &mut parts.headers, prefix);
                Ok(Response::from_parts(parts, Body::stream(body, revoked, held)))
            }
        }
    }
}

/// A length beside a chunked body is a second opinion on where the body ends: the way requests are smuggled.
fn one_length(headers: &mut HeaderMap, body: &Incoming) {
    if body.size_hint().exact().is_none() {
        headers.remove(header::CONTENT_LENGTH);
    }
}

/// The daemon does not know the path under which the caller sees it.
fn prefix_location(status: StatusCode, headers: &mut HeaderMap, prefix: &str) {
    if !status.is_redirection() {
        return;
    }
    let Some(location) = headers.get(header::LOCATION) else { return };
    let bytes = location.as_bytes();
    if bytes.starts_with(b"/")
        && !bytes.starts_with(b"//")
        && let Ok(value) = HeaderValue::from_bytes(&[prefix.as_bytes(), bytes].concat())
    {
        headers.insert(header::LOCATION, value);
    }
}
