//! Who calls: identity, organization, permissions, from one extractor.
//!
//! Only API keys for now. A handler says by its argument's type what the caller must be allowed to do, so that the
//! check stands before the body is read and cannot be forgotten.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use paddock_model::access::{ApiKey, Permission};

use crate::actions::{self, Requester, authorize_operator};
use crate::app::App;
use crate::error::ApiError;
use crate::rate_limit;

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key that was shown.
    pub key: ApiKey,
}

/// A caller who may create, start, stop and change sandboxes.
#[derive(Debug, Clone)]
pub struct SandboxWriter(pub Caller);

/// A caller who may delete sandboxes.
#[derive(Debug, Clone)]
pub struct SandboxDeleter(pub Caller);

/// A caller who may see the deployment's runners.
#[derive(Debug, Clone)]
pub struct RunnerReader(pub Caller);

/// A caller who may say what becomes of them.
#[derive(Debug, Clone)]
pub struct RunnerWriter(pub Caller);

/// A caller who may remove them.
#[derive(Debug, Clone)]
pub struct RunnerDeleter(pub Caller);

impl Caller {
    /// In words of the actions.
    pub fn requester(&self) -> Requester {
        Requester { organization: self.key.organization, user: self.key.user.clone() }
    }

    /// Refuses a key without this permission.
    pub fn require(&self, permission: Permission) -> Result<(), ApiError> {
        if self.key.permissions.contains(&permission) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!("Access denied: the API key lacks the permission {}", permission.as_str())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers).ok_or_else(|| {
            ApiError::unauthenticated("Invalid credentials: an `Authorization: Bearer` header is required")
        })?;
        if has_jwt_shape(token) {
            return Err(ApiError::unauthenticated(
                "Invalid credentials: JSON web tokens are not accepted by this deployment yet, use an API key",
            ));
        }
        let app = Arc::<App>::from_ref(state);
        let key = actions::authenticate::run(&app, token).await?;
        rate_limit::count(&app, &parts.extensions, key.organization).await?;
        Ok(Self { key })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SandboxWriter
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.require(Permission::WriteSandboxes)?;
        Ok(Self(caller))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SandboxDeleter
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.require(Permission::DeleteSandboxes)?;
        Ok(Self(caller))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RunnerReader
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        operator(parts, state, Permission::ReadRunners).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RunnerWriter
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        operator(parts, state, Permission::WriteRunners).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RunnerDeleter
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        operator(parts, state, Permission::DeleteRunners).await.map(Self)
    }
}

/// A caller with this permission, of the organization that owns the deployment.
async fn operator<S: Send + Sync>(parts: &mut Parts, state: &S, permission: Permission) -> Result<Caller, ApiError>
where
    Arc<App>: FromRef<S>,
{
    let caller = Caller::from_request_parts(parts, state).await?;
    caller.require(permission)?;
    authorize_operator::run(&Arc::<App>::from_ref(state), caller.key.organization).await?;
    Ok(caller)
}

/// The token of `Authorization: Bearer`, of a caller or an agent.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Three base64url parts, of which the first two are JSON objects: that is never looked up as an API key.
fn has_jwt_shape(token: &str) -> bool {
    let parts: Vec<_> = token.split('.').collect();
    let is_base64url = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    matches!(parts[..], [header, payload, _] if header.starts_with("eyJ") && payload.starts_with("eyJ"))
        && parts.iter().all(is_base64url)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(header: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(header));
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn only_bearer_credentials_are_read() {
        assert_eq!(read("Bearer dtn_1").as_deref(), Some("dtn_1"));
        assert_eq!(read("bearer  dtn_1 ").as_deref(), Some("dtn_1"));
        for bad in ["", "Bearer", "Bearer ", "Basic dtn_1", "dtn_1"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert!(bearer(&HeaderMap::new()).is_none());
    }

    #[test]
    fn tokens_are_told_apart_by_shape() {
        assert!(has_jwt_shape("eyJh.eyJz.c2ln-_"));
        for key in ["dtn_0123", "eyJh.eyJz", "eyJh.x.y", "eyJh.eyJz.", "eyJh.eyJz.a b", "eyJh.eyJz.a.b"] {
            assert!(!has_jwt_shape(key), "{key}");
        }
    }
}
