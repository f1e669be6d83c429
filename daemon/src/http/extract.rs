//! Extractors whose failures have the wire's error body, and bodies that are read to their end.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use futures::stream::poll_fn;
use futures::{Stream, StreamExt};
use paddock_wire::toolbox::error::code;
use serde::de::DeserializeOwned;

use super::error::{ApiError, ApiResult};

/// The largest JSON body. Code and commands are far smaller; files have routes that stream.
pub const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A JSON body of any content type (old clients send none); no body counts as `{}`.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let bytes = read(request.into_body()).await?;
        let text: &[u8] = if bytes.trim_ascii().is_empty() { b"{}" } else { &bytes };
        // A list of the fields' values would count as the object too.
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err(invalid("invalid request body: a JSON object is expected".to_owned()));
        }
        serde_json::from_slice(text).map(Self).map_err(|error| invalid(format!("invalid request body: {error}")))
    }
}

/// Query parameters.
#[derive(Debug)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(value)| Self(value)).map_err(|error| ApiError::bad_request(error.body_text()))
    }
}

/// What stands in the path.
#[derive(Debug)]
pub struct PathParams<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|error| ApiError::bad_request(error.body_text()))
    }
}

/// Reads a body to its end, keeping no more than the limit. What lies beyond is read and dropped:
/// a proxy in front of us may still be writing, and would take an early answer for a lost connection.
async fn read(body: Body) -> ApiResult<Bytes> {
    let mut stream = body.into_data_stream();
    let mut bytes = BytesMut::new();
    let mut too_large = false;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| invalid(format!("the request body could not be read: {error}")))?;
        too_large |= bytes.len() + chunk.len() > BODY_LIMIT;
        if too_large {
            bytes = BytesMut::new();
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    if too_large {
        let message = format!("the request body is larger than {BODY_LIMIT} bytes");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, code::REQUEST_BODY_TOO_LARGE, message));
    }
    Ok(bytes.freeze())
}

/// What a parser that gave up has left of a body.
pub struct Rest(Arc<Mutex<BodyDataStream>>);

/// A request whose body can still be read to its end when its reader is gone.
pub fn lend_body(request: Request) -> (Request, Rest) {
    let (head, body) = request.into_parts();
    let rest = Rest(Arc::new(Mutex::new(body.into_data_stream())));
    (Request::from_parts(head, Body::from_stream(rest.chunks())), rest)
}

impl Rest {
    /// To the end: a proxy in front of us may still be writing, as above.
    pub async fn drain(self) {
        let mut chunks = self.chunks();
        while let Some(Ok(_)) = chunks.next().await {}
    }

    fn chunks(&self) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + Unpin + use<> {
        let body = Arc::clone(&self.0);
        poll_fn(move |context| body.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context))
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code::INVALID_REQUEST_BODY, message)
}
