//! The edge: the only way from outside into a sandbox.
//!
//! A request is authorized once ([`grants`], forgotten on [`revocations`]), waits at the [`gate`] until the owner has
//! applied what the grant says, and is streamed to the daemon ([`forward`], [`upgrade`]). When another runner holds the
//! sandbox it goes there over the [`relay`] with a [`ticket`]; the caller's credential stays here ([`strip`]).
//!
//! * [`server`] connections; [`client_door`] and [`relay`] the two doors; [`route`] paths; [`cors`] browsers
//! * [`caller`] credentials and origins; [`grants`]; [`revocations`]; [`admission`] limits
//! * [`gate`]; [`activity`] idle clocks
//! * [`forward`]; [`upgrade`]; [`body`]; [`upstream`] connections, [`early_answer`]; [`strip`] headers
//! * [`error`] and [`malformed`]: every answer that is not the daemon's
//!
//! Start reading at [`client_door`].

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use http::Response;
use hyper::body::Incoming;
use paddock_wire::agents::EdgeKey;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    control_api::ControlApi,
    sandboxes::registry::{Letter, Registry},
};

use self::{
    activity::{Activity, InUse},
    admission::Admission,
    caller::AllowedOrigins,
    error::EdgeError,
    forward::{Hop, HopError, Inbound},
    gate::{Gate, Pass},
    grants::Grants,
    revocations::{BLIND_AFTER, Feed, Ledger, POLL_EVERY},
    ticket::TicketKey,
    upstream::Upstreams,
};

pub mod activity;
pub mod admission;
pub mod body;
pub mod caller;
pub mod client_door;
pub mod cors;
pub mod early_answer;
pub mod error;
pub mod forward;
pub mod gate;
pub mod grants;
pub mod malformed;
pub mod relay;
pub mod revocations;
pub mod route;
pub mod server;
pub mod strip;
#[cfg(test)]
mod tests;
pub mod ticket;
pub mod upgrade;
pub mod upstream;

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Longest wait at the gate.
    pub gate_bound: Duration,
    /// Between questions for a sandbox that has no owner yet.
    pub placement_poll: Duration,
    /// A new edge is in no list before the next heartbeat: this long its requests wait at the relay door.
    pub new_edge_wait: Duration,
    /// Open requests per sandbox.
    pub open_requests: usize,
    /// Between questions to the revocation feed.
    pub poll_every: Duration,
    /// Silence of the revocation feed after which nobody new is let in.
    pub blind_after: Duration,
    /// Origins that may open WebSockets.
    pub origins: AllowedOrigins,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            gate_bound: Duration::from_secs(30),
            placement_poll: Duration::from_millis(500),
            new_edge_wait: Duration::from_secs(12),
            open_requests: 1024,
            poll_every: POLL_EVERY,
            blind_after: BLIND_AFTER,
            origins: AllowedOrigins::default(),
        }
    }
}

/// Where to listen.
#[derive(Debug, Default)]
pub struct Doors {
    /// For clients (roles edge and both).
    pub clients: Vec<TcpListener>,
    /// For other edges (roles runner and both).
    pub relays: Option<TcpListener>,
}

/// The edge of this agent.
pub struct Edge {
    settings: EdgeSettings,
    api: Arc<ControlApi>,
    edges: watch::Receiver<Vec<EdgeKey>>,
    ticket_key: TicketKey,
    feed: Arc<Feed>,
    ledger: Arc<Ledger>,
    grants: Grants,
    gate: Gate,
    admission: Arc<Admission>,
    activity: Arc<Activity>,
    upstreams: Upstreams,
}

/// A daemon's answer, and what must live as long as it.
struct Passed {
    response: Response<Incoming>,
    in_use: Option<InUse>,
}

impl Edge {
    /// `edges` are those of the last heartbeat answer.
    pub fn new(
        settings: EdgeSettings,
        api: Arc<ControlApi>,
        registry: Arc<Registry>,
        ticket_key: TicketKey,
        edges: watch::Receiver<Vec<EdgeKey>>,
    ) -> Arc<Self> {
        let feed = Arc::new(Feed::new(settings.poll_every, settings.blind_after));
        let ledger = Arc::new(Ledger::default());
        Arc::new(Self {
            grants: Grants::new(Arc::clone(&api), Arc::clone(&feed), Arc::clone(&ledger)),
            gate: Gate::new(Arc::clone(&api), registry, settings.gate_bound),
            admission: Admission::new(settings.open_requests),
            activity: Arc::default(),
            upstreams: Upstreams::default(),
            settings,
            api,
            edges,
            ticket_key,
            feed,
            ledger,
        })
    }

    /// Serves until the shutdown. The agent must be registered by then.
    pub async fn serve(self: Arc<Self>, doors: Doors, shutdown: CancellationToken) {
        let clients = async {
            if doors.clients.is_empty() {
                return;
            }
            let doors = doors.clients.into_iter().map(|listener| {
                let edge = Arc::clone(&self);
                let answer = move |request| client_door::answer(Arc::clone(&edge), request);
                server::serve(listener, answer, shutdown.clone())
            });
            tokio::select! {
                _all = join_all(doors) => {}
                () = self.feed.run(&self.api, &self.ledger) => {}
            }
        };
        let relays = async {
            let Some(listener) = doors.relays else { return };
            let edge = Arc::clone(&self);
            server::serve(listener, move |request| relay::answer(Arc::clone(&edge), request), shutdown.clone()).await;
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(clients, relays) } => {}
            () = self.activity.run() => {}
        }
    }

    fn own_id(&self) -> Result<Uuid, EdgeError> {
        let session = self.api.session();
        session.map(|session| session.runner_id).map_err(|_| EdgeError::Unavailable("The edge is starting.".to_owned()))
    }

    /// To the daemon of a sandbox that this runner holds.
    async fn pass_in(
        &self,
        pass: Pass,
        inbound: &Inbound,
        counts: bool,
        revoked: &CancellationToken,
    ) -> Result<Passed, EdgeError> {
        let opened = self.gate.open(pass).await?;
        let in_use = counts.then(|| self.activity.begin(opened.handle.clone()));
        let client = self.upstreams.daemon(pass.sandbox_id, opened.applied, opened.addr).await;
        let hop = Hop { client, base: format!("http://{}", opened.addr), add: None };
        match inbound.send(&hop, revoked).await {
            Ok(response) => Ok(Passed { response, in_use }),
            Err(HopError::Connect) => {
                opened.handle.send(Letter::Look);
                Err(EdgeError::BadGateway("The daemon in the sandbox does not answer. Try again.".to_owned()))
            }
            Err(HopError::Broken(error)) => Err(error),
        }
    }
}
