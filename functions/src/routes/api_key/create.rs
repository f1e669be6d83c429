//! `POST /api-keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use paddock_model::access::Permission;
use paddock_model::time::Timestamp;
use paddock_wire::api::api_key::{ApiKeyResponse, CreateApiKey};

use crate::actions::create_api_key::{self, Created, Request};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::Refusals;
use crate::validate::body::JsonBody;
use crate::validate::{Problems, name};

/// What `GET /api-keys/…` means something else by.
const TAKEN: [&str; 1] = ["current"];

/// Create an API key. It may do no more, and lives no longer, than the key that makes it.
#[utoipa::path(
    post,
    path = "/api-keys",
    tag = "api-keys",
    operation_id = "createApiKey",
    request_body = CreateApiKey,
    responses((status = 201, description = "The key; its value is not shown again", body = ApiKeyResponse), Refusals),
    security(("bearer" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateApiKey>,
) -> Result<(StatusCode, Json<ApiKeyResponse>), ApiError> {
    let CreateApiKey { name, permissions, expires_at } = body;
    let expires_at = expires_at.map(|it| it.0);
    let permissions = check(&name, &permissions, expires_at, app.now())?;
    for permission in &permissions {
        caller.require(*permission)?;
    }
    if caller.key.expires_at.is_some_and(|end| expires_at.is_none_or(|wanted| wanted > end)) {
        return Err(ApiError::forbidden("Access denied: the new key would outlive the one that makes it"));
    }
    let request = Request { name, permissions, expires_at };
    let Created { key, value } = create_api_key::run(&app, &caller.requester(), request).await?;
    Ok((StatusCode::CREATED, Json(ApiKeyResponse::new(key, value))))
}

fn check(
    name: &str,
    permissions: &[String],
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Permission>, ApiError> {
    let mut problems = Problems::default();
    problems.take("name", name::check_new(name, &TAKEN));
    let past = expires_at.is_some_and(|end| end <= now);
    problems.take("expiresAt", if past { Err("must lie ahead".to_owned()) } else { Ok(()) });
    let known = permissions.iter().map(|word| word.parse::<Permission>()).collect::<Result<Vec<_>, _>>();
    let known = problems.take("permissions", known.map_err(|unknown| format!("does not know {:?}", unknown.0)));
    problems.finish()?;
    let mut known = known.unwrap_or_default();
    known.sort_unstable();
    known.dedup();
    Ok(known)
}
