//! One hop between agents: an edge sends what it cannot serve to the owner's relay door, with a ticket in place of the
//! caller's credential. The door serves or refuses; it never relays again.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use paddock_model::id::SandboxId;
use paddock_wire::agents::TicketClaims;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Edge, Passed, activity,
    body::Body,
    client_door,
    error::{EdgeError, REFUSED},
    forward::{Hop, HopError, Inbound},
    gate::Pass,
    revocations::Held,
    route,
    ticket::{self, TicketError},
};

static TICKET: HeaderName = HeaderName::from_static("x-paddock-ticket");

const MAX_REFUSAL: usize = 64 * 1024;

/// Sends a request to the relay door of its owner.
pub(super) async fn pass_over(edge: &Edge, held: &Held, owner: Uuid, inbound: &Inbound) -> Result<Passed, EdgeError> {
    let grant = &held.grant;
    let url = grant.relay_url.as_deref().ok_or(EdgeError::OwnerUnreachable)?;
    let ticket = edge.ticket_key.sign(edge.own_id()?, owner, grant).ok().and_then(|ticket| ticket.try_into().ok());
    let ticket: HeaderValue = ticket.ok_or(EdgeError::Internal)?;
    let hop = Hop {
        client: edge.upstreams.relays(),
        base: format!("{}/relay/{}", url.trim_end_matches('/'), grant.sandbox_id),
        add: Some((TICKET.clone(), ticket)),
    };
    inbound.keep_small().await;
    let response = inbound.send(&hop, &held.revoked).await.map_err(|error| match error {
        HopError::Connect => EdgeError::OwnerUnreachable,
        HopError::Broken(error) => error,
    })?;
    match response.headers().get(&REFUSED).cloned() {
        None => Ok(Passed { response, in_use: None }),
        Some(code) => {
            let body = Limited::new(response.into_body(), MAX_REFUSAL).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            Err(EdgeError::of_relay_door(code.to_str().unwrap_or_default(), &body))
        }
    }
}

/// The door for other edges. Answers one request; there is always an answer.
pub async fn answer(edge: Arc<Edge>, request: Request<Incoming>) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    serve(&edge, request).await.unwrap_or_else(|error| {
        let code = HeaderValue::from_static(error.code());
        let mut response = error.into_response(&method, &path);
        response.headers_mut().insert(REFUSED.clone(), code);
        response
    })
}

async fn serve(edge: &Arc<Edge>, mut request: Request<Incoming>) -> Result<Response<Body>, EdgeError> {
    let (pass, rest) = match admit(edge, &request).await {
        Ok(admitted) => admitted,
        Err(error) => {
            client_door::discard(request);
            return Err(error);
        }
    };
    let counts = !activity::is_skipped(request.headers());
    // The caller's host is in X-Forwarded-Host already; ours says nothing.
    request.headers_mut().remove(header::HOST);
    let inbound = Inbound::new(request, &rest);
    // The edge that sent the ticket hears of revocations, and breaks off.
    let revoked = CancellationToken::new();
    let Passed { response, in_use } = edge.pass_in(pass, &inbound, counts, &revoked).await?;
    inbound.answer(response, "", &revoked, in_use)
}

async fn admit(edge: &Edge, request: &Request<Incoming>) -> Result<(Pass, String), EdgeError> {
    let target = route::relay(request.uri().path())?;
    let SandboxId(sandbox_id) =
        target.sandbox.parse().map_err(|_| EdgeError::BadRequest("The path names no sandbox.".to_owned()))?;
    let shown = request.headers().get(&TICKET).and_then(|ticket| ticket.to_str().ok());
    let shown = shown.ok_or_else(|| EdgeError::Unauthorized("The request carries no ticket.".to_owned()))?;
    let waited = tokio::time::timeout(edge.settings.new_edge_wait, verify(edge, shown, sandbox_id)).await;
    let claims = waited.unwrap_or_else(|_| Err(EdgeError::Unauthorized(TicketError::UnknownEdge.to_string())))?;
    let pass = Pass { sandbox_id, organization_id: claims.org, epoch: claims.epoch, generation: claims.generation };
    Ok((pass, target.rest))
}

/// Waits, for ever, until the edge that signed the ticket is in the list.
async fn verify(edge: &Edge, ticket: &str, sandbox_id: Uuid) -> Result<TicketClaims, EdgeError> {
    let own_id = edge.own_id()?;
    let mut edges = edge.edges.clone();
    loop {
        let verified = ticket::verify(ticket, &edges.borrow_and_update(), own_id, sandbox_id);
        match verified {
            Ok(claims) => return Ok(claims),
            Err(TicketError::UnknownEdge) if edges.changed().await.is_ok() => {}
            Err(error) => {
                tracing::warn!(sandbox = %sandbox_id, %error, "ticket refused");
                return Err(EdgeError::Unauthorized(error.to_string()));
            }
        }
    }
}
