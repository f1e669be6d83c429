//! Limits per class of request. All are off unless configured, and then cost nothing.
//!
//! A limited request costs one counter write (`R#<who>#<class>#<window>`). Organizations are counted by the extractor
//! that authenticates; this layer puts the headers on the answer. Addresses with too many refused credentials are
//! refused before authentication.
//!
//! `Retry-After` carries the class in its name: a plain one makes the Python SDK sleep and repeat silently.

mod class;

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Extensions, HeaderName, HeaderValue, StatusCode};
use lambda_http::request::RequestContext;
use paddock_model::id::OrganizationId;

pub use class::{Class, RateLimit, RateLimits};

use crate::app::App;
use crate::error::ApiError;
use crate::store::rates;

/// Where somebody stands in the present window of a class.
#[derive(Debug, Clone, Copy)]
struct Standing {
    class: Class,
    limit: u32,
    used: u64,
    reset_seconds: i64,
}

/// Carries the class of a request to the extractor, and the standing back.
#[derive(Clone)]
struct Slot {
    class: Class,
    standing: Arc<Mutex<Option<Standing>>>,
}

/// The layer: addresses before authentication, headers after the answer.
pub async fn limit(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    if app.config.rate_limits.is_empty() {
        return next.run(request).await;
    }
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let slot = Slot { class: Class::of(request.method(), route), standing: Arc::default() };
    request.extensions_mut().insert(slot.clone());
    let address = source_address(request.extensions());
    if let Some(standing) = stand(&app, Class::FailedAuth, &address, 0).await
        && standing.used >= u64::from(standing.limit)
    {
        return standing.show_on(standing.refusal().into_response());
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        return failed_auth(&app, &address, response).await;
    }
    let standing = *slot.standing.lock().unwrap_or_else(PoisonError::into_inner);
    match standing {
        Some(standing) => standing.show_on(response),
        None => response,
    }
}

/// Counts an authenticated request; refuses it when its organization has had enough.
pub async fn count(app: &App, extensions: &Extensions, organization: OrganizationId) -> Result<(), ApiError> {
    let Some(slot) = extensions.get::<Slot>() else { return Ok(()) };
    let Some(standing) = stand(app, slot.class, &organization.to_string(), 1).await else { return Ok(()) };
    *slot.standing.lock().unwrap_or_else(PoisonError::into_inner) = Some(standing);
    if standing.used > u64::from(standing.limit) { Err(standing.refusal()) } else { Ok(()) }
}

/// All headers that this module sets, for browsers.
pub fn header_names() -> Vec<HeaderName> {
    let kinds = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
    let names = kinds.iter().flat_map(|kind| Class::ALL.map(|class| format!("{kind}-{}", class.as_str())));
    names.filter_map(|name| HeaderName::try_from(name).ok()).collect()
}

/// The refused credential that reaches the limit is itself answered 429.
async fn failed_auth(app: &App, address: &str, response: Response) -> Response {
    match stand(app, Class::FailedAuth, address, 1).await {
        Some(standing) if standing.used >= u64::from(standing.limit) => {
            standing.show_on(standing.refusal().into_response())
        }
        Some(standing) => standing.show_on(response),
        None => response,
    }
}

/// Adds `hits` and says where that leads; none when the class is off. When the counter cannot be reached the request
/// passes: a limit protects the table, it must not be one more way to be down.
async fn stand(app: &App, class: Class, who: &str, hits: u32) -> Option<Standing> {
    let RateLimit { limit, window } = app.config.rate_limits.of(class)?;
    let (now, window) = (app.now().0.div_euclid(1000), i64::from(window));
    let start = now - now.rem_euclid(window);
    let used = match hits {
        0 => rates::read(&app.store, who, class.as_str(), start).await,
        _ => rates::count(&app.store, who, class.as_str(), start, window + 60).await,
    };
    match used {
        Ok(used) => Some(Standing { class, limit, used, reset_seconds: start + window - now }),
        Err(error) => {
            tracing::warn!(%error, class = class.as_str(), "rate limit not counted");
            None
        }
    }
}

/// As the gateway saw it. In tests there is no gateway, and one address.
fn source_address(extensions: &Extensions) -> String {
    match extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

impl Standing {
    fn refusal(&self) -> ApiError {
        let (class, limit, reset) = (self.class.as_str(), self.limit, self.reset_seconds);
        ApiError::rate_limited(format!("Too many requests: {limit} ({class}) in this window, try again in {reset} s"))
    }

    fn show_on(&self, mut response: Response) -> Response {
        let remaining = u64::from(self.limit).saturating_sub(self.used);
        let refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
        let headers = [
            Some(("x-ratelimit-limit", u64::from(self.limit))),
            Some(("x-ratelimit-remaining", remaining)),
            Some(("x-ratelimit-reset", self.reset_seconds.unsigned_abs())),
            refused.then_some(("retry-after", self.reset_seconds.unsigned_abs())),
        ];
        for (kind, value) in headers.into_iter().flatten() {
            if let Ok(name) = HeaderName::try_from(format!("{kind}-{}", self.class.as_str())) {
                response.headers_mut().insert(name, HeaderValue::from(value));
            }
        }
        response
    }
}
