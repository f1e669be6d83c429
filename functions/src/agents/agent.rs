//! Who asks.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, request::Parts};
use paddock_model::runner::Runner;
use paddock_wire::agents::AGENT_TOKEN_REFUSED;

use crate::{
    actions::{self, authenticate_agent},
    app::App,
    caller::bearer,
    error::ApiError,
};

/// An agent that showed its token.
pub(super) struct Agent(pub(super) Runner);

/// An agent that answers clients: only edges may ask about callers.
pub(super) struct Edge;

/// The agent itself may be refused, not the caller it asks about; the header tells it to register again.
fn refusal(error: actions::Error) -> Response {
    let about_agent = matches!(error, actions::Error::InvalidAgentToken);
    let mut response = ApiError::from(error).into_response();
    if about_agent {
        response.headers_mut().insert(AGENT_TOKEN_REFUSED, HeaderValue::from_static("1"));
    }
    response
}

impl FromRequestParts<Arc<App>> for Agent {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let token = bearer(&parts.headers).ok_or_else(|| refusal(actions::Error::InvalidAgentToken))?;
        authenticate_agent::run(app, token).await.map(Self).map_err(refusal)
    }
}

impl FromRequestParts<Arc<App>> for Edge {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Agent(agent) = Agent::from_request_parts(parts, app).await?;
        if agent.is_edge() { Ok(Self) } else { Err(ApiError::forbidden("only edges may ask this").into_response()) }
    }
}
