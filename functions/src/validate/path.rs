//! Ids, names and numbers in paths.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::name;
use crate::error::ApiError;

/// The parameters of the matched path, decoded once.
#[derive(Debug)]
pub struct PathParams(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for PathParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let raw = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::invalid("the path is not valid UTF-8"))?;
        Ok(Self(raw.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()))
    }
}

impl PathParams {
    fn text(&self, param: &str) -> &str {
        self.0.iter().find(|(key, _)| key == param).map_or("", |(_, value)| value)
    }

    /// An id or a name: anything that could be one, so that what cannot is refused before the table is asked.
    pub fn id_or_name(&self, param: &str) -> Result<&str, ApiError> {
        let text = self.text(param);
        name::check_shape(text).map_err(|reason| ApiError::invalid(format!("{param} {reason}")))?;
        Ok(text)
    }

    /// Id or name of a snapshot, which may look like an image: `registry/image:tag`.
    pub fn snapshot(&self, param: &str) -> Result<&str, ApiError> {
        let text = self.text(param);
        name::check_bounded(text).map_err(|reason| ApiError::invalid(format!("{param} {reason}")))?;
        Ok(text)
    }

    /// `true` or `false`.
    pub fn boolean(&self, param: &str) -> Result<bool, ApiError> {
        let text = self.text(param).to_ascii_lowercase();
        text.parse().map_err(|_| ApiError::invalid(format!("{param} must be true or false")))
    }

    /// Minutes, possibly negative.
    pub fn minutes(&self, param: &str) -> Result<i32, ApiError> {
        let text = self.text(param);
        text.parse().map_err(|_| ApiError::invalid(format!("{param} must be an integer")))
    }
}
