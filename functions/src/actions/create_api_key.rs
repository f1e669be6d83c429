//! A new API key. Its value is shown once and never kept.

use paddock_model::{
    access::{ApiKey, Permission},
    time::Timestamp,
};

use super::{Error, Requester};
use crate::{
    app::App,
    seal::{random_hex, sha256_hex},
};

/// What every key's value begins with.
const PREFIX: &str = "dtn_";

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Unique among the user's keys in the organization.
    pub name: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// When it ends; none = never.
    pub expires_at: Option<Timestamp>,
}

/// The key, and its value for the only time.
pub struct Created {
    /// As it is kept.
    pub key: ApiKey,
    /// What the caller must keep.
    pub value: String,
}

/// Makes a key for the requester.
pub async fn run(app: &App, requester: &Requester, request: Request) -> Result<Created, Error> {
    let Request { name, permissions, expires_at } = request;
    if name.trim().is_empty() || name.len() > super::MAX_NAME_BYTES {
        return Err(Error::Invalid(format!("name must have 1 to {} bytes", super::MAX_NAME_BYTES)));
    }
    let now = app.now();
    if expires_at.is_some_and(|end| end <= now) {
        return Err(Error::Invalid("expiresAt must be in the future".to_owned()));
    }
    let value = format!("{PREFIX}{}", random_hex());
    let key = ApiKey {
        sha256: sha256_hex(&value),
        organization: requester.organization,
        user: requester.user.clone(),
        name,
        prefix: value[..3].to_owned(),
        suffix: value[value.len() - 3..].to_owned(),
        permissions,
        created_at: now,
        last_used_at: None,
        expires_at,
    };
    if app.store.create_api_key(&key).await? {
        Ok(Created { key, value })
    } else {
        Err(Error::NameTaken { what: "API key", name: key.name })
    }
}
