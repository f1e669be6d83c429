//! JSON bodies: bounded, and refused with the name of the field.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// No body of this API is near it; larger ones are refused before they are parsed.
pub const MAX_BODY: usize = 1024 * 1024;

/// A JSON body. Unlike axum's own extractor it demands no content type (SDKs differ) and names the wrong field.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        parse(&read(request).await?).map(Self)
    }
}

/// A JSON body, or nothing.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request).await?;
        if bytes.trim_ascii().is_empty() { Ok(Self(T::default())) } else { parse(&bytes).map(Self) }
    }
}

async fn read(request: Request) -> Result<Bytes, ApiError> {
    to_bytes(request.into_body(), MAX_BODY)
        .await
        .map_err(|_| ApiError::too_large(format!("the body must not exceed {MAX_BODY} bytes")))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    match bytes.trim_ascii().first() {
        None => return Err(ApiError::invalid("a JSON body is required")),
        Some(b'{') => {}
        // serde would take a list as the fields in their order.
        Some(_) => return Err(ApiError::invalid("the JSON body must be an object")),
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let reason = error.into_inner();
        // Where the text itself is broken, the last field read is not what is wrong.
        if reason.is_data() && field != "." {
            ApiError::invalid(format!("{field}: {reason}"))
        } else {
            ApiError::invalid(format!("invalid JSON body: {reason}"))
        }
    })?;
    json.end().map_err(|reason| ApiError::invalid(format!("invalid JSON body: {reason}")))?;
    Ok(value)
}
