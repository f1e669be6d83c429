//! Who asks.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use paddock_model::runner::Runner;

use crate::{
    actions::{self, authenticate_agent},
    app::App,
    error::ApiError,
};

/// An agent that showed its token.
pub(super) struct Agent(pub(super) Runner);

/// An agent that answers clients: only edges may ask about callers.
pub(super) struct Edge;

impl FromRequestParts<Arc<App>> for Agent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        Ok(Self(authenticate_agent::run(app, bearer(&parts.headers)?).await?))
    }
}

impl FromRequestParts<Arc<App>> for Edge {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Agent(agent) = Agent::from_request_parts(parts, app).await?;
        if agent.is_edge() { Ok(Self) } else { Err(ApiError::forbidden("only edges may ask this")) }
    }
}

pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer "));
    token.ok_or_else(|| actions::Error::InvalidAgentToken.into())
}
