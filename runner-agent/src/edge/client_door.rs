//! The door for clients: authorize, find the owner, pass on.

use std::{sync::Arc, time::Instant};

use http::{Method, Request, Response};
use hyper::body::Incoming;
use serde_json::json;

use super::{
    Edge, Passed, activity,
    admission::Place,
    body::{Body, Upload},
    caller::Caller,
    cors::Cors,
    error::EdgeError,
    forward::Inbound,
    gate::Pass,
    relay,
    revocations::Held,
    route::{self, Route, Target},
    upgrade::Upgrade,
};

/// Answers one request; there is always an answer.
pub async fn answer(edge: Arc<Edge>, request: Request<Incoming>) -> Response<Body> {
    let cors = Cors::of(&request);
    if let Some(preflight) = cors.as_ref().and_then(Cors::preflight) {
        return preflight;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answered = match route::client(&path) {
        Ok(Route::Health) => Ok(health()),
        Ok(Route::Toolbox(target)) => toolbox(&edge, &target, request).await,
        Err(error) => {
            discard(request);
            Err(error)
        }
    };
    let mut response = answered.unwrap_or_else(|error| refuse(error, &method, &path));
    if let Some(cors) = cors {
        cors.apply(response.headers_mut());
    }
    response
}

fn refuse(error: EdgeError, method: &Method, path: &str) -> Response<Body> {
    tracing::debug!(%method, path, code = error.code(), %error, "refused");
    error.into_response(method, path)
}

fn health() -> Response<Body> {
    let body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    let mut response = Response::new(Body::full(body.to_string()));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// Sees to the rest of a body that nobody wants.
pub fn discard(request: Request<Incoming>) {
    let expects_continue = request.headers().contains_key(http::header::EXPECT);
    drop(Upload::new(request.into_body(), expects_continue));
}

async fn toolbox(edge: &Arc<Edge>, target: &Target, request: Request<Incoming>) -> Result<Response<Body>, EdgeError> {
    let came = Instant::now();
    let headers = request.headers();
    let caller = Caller::from_headers(headers);
    let origin = if Upgrade::asked_by(&request).is_some() { edge.settings.origins.check(headers) } else { Ok(()) };
    let counts = !activity::is_skipped(headers);
    // From here on the body is in safe hands, whatever the answer.
    let inbound = Inbound::new(request, &target.rest);
    let caller = caller?;
    origin?;
    let (passed, held, place) = pass_on(edge, &caller, target, &inbound, counts, came).await?;
    let Passed { response, in_use } = passed;
    inbound.answer(response, &target.prefix, &held.revoked.clone(), (held, place, in_use))
}

/// Tries on what the edge remembers of the caller, and, when that turns out to be old, on a new grant.
async fn pass_on(
    edge: &Arc<Edge>,
    caller: &Caller,
    target: &Target,
    inbound: &Inbound,
    counts: bool,
    came: Instant,
) -> Result<(Passed, Arc<Held>, Place), EdgeError> {
    let mut stale: Option<Arc<Held>> = None;
    let mut retried = false;
    loop {
        let held = edge.grants.get(caller, &target.sandbox, stale.as_ref()).await?;
        let tried = tokio::select! {
            tried = attempt(edge, &held, inbound, counts) => tried,
            () = held.revoked.cancelled() => Err(revoked()),
        };
        match tried {
            Ok((passed, place)) => return Ok((passed, held, place)),
            Err(_) if held.revoked.is_cancelled() => return Err(revoked()),
            // No event tells of a placement; SDKs do not come before there is one.
            Err(EdgeError::NotPlaced) if came.elapsed() < edge.settings.gate_bound => {
                tokio::time::sleep(edge.settings.placement_poll).await;
                stale = Some(held);
            }
            // What a remembered grant says may be old; asked again, it counts.
            Err(error) if error.may_be_stale() && held.asked < came && !retried && inbound.can_be_tried() => {
                retried = true;
                stale = Some(held);
            }
            Err(error) => return Err(error),
        }
    }
}

async fn attempt(
    edge: &Arc<Edge>,
    held: &Arc<Held>,
    inbound: &Inbound,
    counts: bool,
) -> Result<(Passed, Place), EdgeError> {
    let grant = &held.grant;
    if !grant.wants_started {
        return Err(not_wanted(&grant.state));
    }
    let place = edge.admission.enter(grant.sandbox_id)?;
    let owner = grant.runner_id.ok_or(EdgeError::NotPlaced)?;
    let passed = if owner == edge.own_id()? {
        let pass = Pass {
            sandbox_id: grant.sandbox_id,
            organization_id: grant.organization_id,
            epoch: grant.epoch,
            generation: grant.generation,
        };
        edge.pass_in(pass, inbound, counts, &held.revoked).await?
    } else {
        relay::pass_over(edge, held, owner, inbound).await?
    };
    Ok((passed, place))
}

fn not_wanted(state: &str) -> EdgeError {
    match state {
        "error" | "build_failed" => {
            EdgeError::Failed(format!("Sandbox failed (state: {state}); its errorReason says why."))
        }
        _ => EdgeError::NotRunning { state: state.to_owned() },
    }
}

fn revoked() -> EdgeError {
    EdgeError::Unauthorized("Access was revoked while the request was open.".to_owned())
}
