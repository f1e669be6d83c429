//! Who may use which sandbox: asked of the control plane once, remembered for minutes, forgotten on revocation.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::StatusCode;
use moka::{Expiry, future::Cache};

use crate::control_api::{ControlApi, ControlApiError};

use super::{
    caller::{Caller, GrantKey},
    error::EdgeError,
    revocations::{Feed, Held, Ledger},
};

const MOST: u64 = 100_000;
const LONGEST: Duration = Duration::from_secs(300);
/// Refusals are remembered too, so that a caller in a loop does not become load for the control plane. Apart from the
/// grants: a flood of wrong credentials must not push good ones out.
const MOST_DENIED: u64 = 10_000;
pub(super) const DENIED_FOR: Duration = Duration::from_secs(2);
/// Tries before a grant that is revoked again and again while asked for is given up.
const ASK_TRIES: usize = 3;

/// Grants in use.
pub struct Grants {
    api: Arc<ControlApi>,
    feed: Arc<Feed>,
    ledger: Arc<Ledger>,
    held: Cache<GrantKey, Arc<Held>>,
    denied: Cache<GrantKey, EdgeError>,
}

/// Each grant says itself how long it may be kept.
struct ByGrant;

impl Expiry<GrantKey, Arc<Held>> for ByGrant {
    fn expire_after_create(&self, _key: &GrantKey, held: &Arc<Held>, _now: Instant) -> Option<Duration> {
        Some(Duration::from_secs(held.grant.ttl_seconds).min(LONGEST))
    }
}

impl Grants {
    /// Nothing granted yet.
    pub fn new(api: Arc<ControlApi>, feed: Arc<Feed>, ledger: Arc<Ledger>) -> Self {
        Self {
            api,
            feed,
            ledger,
            held: Cache::builder().max_capacity(MOST).expire_after(ByGrant).build(),
            denied: Cache::builder().max_capacity(MOST_DENIED).time_to_live(DENIED_FOR).build(),
        }
    }

    /// The caller's grant; concurrent callers of the same key share one question. `stale` is a grant that turned out
    /// not to fit: it is not given again.
    pub async fn get(&self, caller: &Caller, sandbox: &str, stale: Option<&Arc<Held>>) -> Result<Arc<Held>, EdgeError> {
        let key = caller.grant_key(sandbox);
        if let Some(held) = self.held.get(&key).await {
            if !held.revoked.is_cancelled() && !stale.is_some_and(|stale| Arc::ptr_eq(stale, &held)) {
                return Ok(held);
            }
            self.held.invalidate(&key).await;
        }
        if let Some(denied) = self.denied.get(&key).await {
            return Err(denied);
        }
        match self.held.try_get_with(key, self.ask(caller, sandbox)).await {
            Ok(held) => Ok(held),
            Err(error) => {
                let error = EdgeError::clone(&error);
                if matches!(error, EdgeError::Unauthorized(_) | EdgeError::Forbidden(_) | EdgeError::NotFound(_)) {
                    self.denied.insert(key, error.clone()).await;
                }
                Err(error)
            }
        }
    }

    async fn ask(&self, caller: &Caller, sandbox: &str) -> Result<Arc<Held>, EdgeError> {
        self.feed.is_heard().await?;
        let question = caller.ask(sandbox);
        for _ in 0..ASK_TRIES {
            let (asked, serial) = (Instant::now(), self.ledger.serial());
            let grant = self.api.authorize(&question).await.map_err(refusal)?;
            if let Some(held) = self.ledger.admit(grant, asked, serial) {
                return Ok(held);
            }
        }
        Err(EdgeError::Moved)
    }
}

fn refusal(error: ControlApiError) -> EdgeError {
    let ControlApiError::Refused { status, body } = &error else {
        tracing::warn!(%error, "authorize failed");
        return unreachable_now();
    };
    let message = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|body| body.get("message")?.as_str().map(str::to_owned))
        .unwrap_or_else(|| status.canonical_reason().unwrap_or("Refused").to_owned());
    match *status {
        StatusCode::UNAUTHORIZED => EdgeError::Unauthorized(message),
        StatusCode::FORBIDDEN => EdgeError::Forbidden(message),
        StatusCode::NOT_FOUND => EdgeError::NotFound(message),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => EdgeError::BadRequest(message),
        _ => {
            tracing::warn!(%error, "authorize failed");
            unreachable_now()
        }
    }
}

fn unreachable_now() -> EdgeError {
    EdgeError::Unavailable("The control plane cannot be asked about this request now. Try again.".to_owned())
}
