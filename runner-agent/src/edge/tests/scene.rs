//! Machines, sandboxes and daemons for the tests of this folder.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use paddock_wire::{
    agents::{EdgeKey, Grant},
    work::{SealedEnv, Spec, Wish, Work},
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::agents::Agents;
use crate::{
    edge::{Doors, Edge, EdgeSettings, ticket::TicketKey},
    sandboxes::registry::{Applied, OwnerSeat, Phase, Registry},
};

pub const TOKEN: &str = "good-key";

/// One agent, role both.
pub struct Machine {
    pub id: Uuid,
    pub clients: SocketAddr,
    pub relays: SocketAddr,
    pub registry: Arc<Registry>,
    pub ticket_key: TicketKey,
    pub edges: watch::Sender<Vec<EdgeKey>>,
    seats: Arc<Mutex<Vec<OwnerSeat>>>,
    _stop: DropGuard,
}

/// Fast where the real one is patient.
pub fn settings() -> EdgeSettings {
    EdgeSettings {
        poll_every: Duration::from_millis(20),
        placement_poll: Duration::from_millis(20),
        new_edge_wait: Duration::from_millis(50),
        ..EdgeSettings::default()
    }
}

impl Machine {
    pub async fn start(agents: &Agents, settings: EdgeSettings) -> Self {
        let seats: Arc<Mutex<Vec<OwnerSeat>>> = Arc::default();
        let registry = Arc::new(Registry::new({
            let seats = Arc::clone(&seats);
            move |seat| seats.lock().unwrap().push(seat)
        }));
        let directory = tempfile::tempdir().unwrap();
        let (own, shown) = (load(directory.path()), load(directory.path()));
        let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relays = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (clients_addr, relays_addr) = (clients.local_addr().unwrap(), relays.local_addr().unwrap());
        let api = agents.join(&format!("http://{relays_addr}"), own.public()).await;
        let id = api.session().unwrap().runner_id;
        let edges = watch::Sender::new(Vec::new());
        let edge = Edge::new(settings, api, Arc::clone(&registry), own, edges.subscribe());
        let stop = CancellationToken::new();
        tokio::spawn(edge.serve(Doors { clients: vec![clients], relays: Some(relays) }, stop.clone()));
        Self {
            id,
            clients: clients_addr,
            relays: relays_addr,
            registry,
            ticket_key: shown,
            edges,
            seats,
            _stop: stop.drop_guard(),
        }
    }

    pub fn as_edge(&self) -> EdgeKey {
        EdgeKey { id: self.id, ticket_key: self.ticket_key.public().to_owned() }
    }

    /// The owner's seat of a sandbox; seated now unless something seated it before.
    pub fn seat(&self, sandbox_id: Uuid) -> OwnerSeat {
        self.registry.get_or_seat(sandbox_id);
        self.seated(sandbox_id).expect("a seat")
    }

    /// The owner's seat, if something has seated one.
    pub fn seated(&self, sandbox_id: Uuid) -> Option<OwnerSeat> {
        let mut seats = self.seats.lock().unwrap();
        let at = seats.iter().position(|seat| seat.sandbox_id == sandbox_id)?;
        Some(seats.remove(at))
    }

    pub fn url(&self, sandbox: impl std::fmt::Display, rest: &str) -> String {
        format!("http://{}/toolbox/{sandbox}{rest}", self.clients)
    }

    pub fn get(&self, sandbox_id: Uuid, rest: &str) -> RequestBuilder {
        client().get(self.url(sandbox_id, rest)).bearer_auth(TOKEN)
    }

    pub fn post(&self, sandbox_id: Uuid, rest: &str) -> RequestBuilder {
        client().post(self.url(sandbox_id, rest)).bearer_auth(TOKEN)
    }
}

fn load(directory: &std::path::Path) -> TicketKey {
    TicketKey::load_or_create(directory).unwrap()
}

pub fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A sandbox that runs on `machine`, granted to [`TOKEN`].
pub struct Sandbox {
    pub id: Uuid,
    pub grant: Grant,
    pub seat: OwnerSeat,
}

impl Sandbox {
    pub async fn running(agents: &Agents, machine: &Machine, daemon: Router) -> Self {
        let addr = serve(daemon).await;
        Self::at(agents, machine, addr)
    }

    /// Its daemon is whatever listens at `addr`.
    pub fn at(agents: &Agents, machine: &Machine, addr: SocketAddr) -> Self {
        let id = Uuid::new_v4();
        let grant = grant(id, machine);
        agents.grant(TOKEN, &id.to_string(), grant.clone());
        let seat = machine.seat(id);
        seat.applied.send_replace(applied(&grant, Phase::Running { addr }));
        Self { id, grant, seat }
    }

    pub fn becomes(&self, phase: Phase) {
        self.seat.applied.send_replace(applied(&self.grant, phase));
    }

    pub fn work(&self, generation: u64, wish: Wish) -> Work {
        Work { generation, wish, ..work(&self.grant) }
    }
}

/// What the owner says when all of the grant's wish is in force.
pub fn applied(grant: &Grant, phase: Phase) -> Applied {
    Applied { epoch: grant.epoch, generation: grant.generation, phase, organization_id: Some(grant.organization_id) }
}

pub fn grant(sandbox_id: Uuid, machine: &Machine) -> Grant {
    Grant {
        sandbox_id,
        organization_id: Uuid::new_v4(),
        credential_sha256: sha256(TOKEN),
        epoch: 1,
        generation: 1,
        wants_started: true,
        state: "started".to_owned(),
        runner_id: Some(machine.id),
        relay_url: Some(format!("http://{}", machine.relays)),
        ttl_seconds: 300,
    }
}

/// The wish that a grant speaks of.
pub fn work(grant: &Grant) -> Work {
    Work {
        when_idle: paddock_wire::work::WhenIdle::Stop,
        capture: None,
        archived: None,
        restore: None,
        deployment: "test".to_owned(),
        sandbox_id: grant.sandbox_id,
        epoch: grant.epoch,
        generation: grant.generation,
        seq: 0,
        attempt: 1,
        wish: Wish::Started,
        expect_container: false,
        stop_if_idle_seconds: None,
        spec: Spec {
            organization_id: Some(grant.organization_id),
            image: "image".to_owned(),
            snapshot: "snapshot".to_owned(),
            user: "daytona".to_owned(),
            region: "local".to_owned(),
            cpu: 1,
            memory_gib: 1,
            disk_gib: 1,
            env: SealedEnv { nonce: String::new(), sealed: String::new() },
        },
    }
}

pub fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}

pub async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    addr
}

/// An address where nobody listens, for as long as the result lives: a port that is free could become another test's.
pub fn nowhere() -> (TcpSocket, SocketAddr) {
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let addr = bound.local_addr().unwrap();
    (bound, addr)
}

/// Checks that an answer is an error of the edge, whole and in the wire's shape; gives the message.
pub async fn edge_error(response: Response, status: StatusCode) -> String {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().keys().all(|name| !name.as_str().starts_with("x-paddock-")));
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["statusCode"], status.as_u16());
    assert_eq!(body["source"], "DAYTONA_PROXY");
    for key in ["code", "timestamp", "path", "method", "error"] {
        assert!(body[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {body}");
    }
    body["message"].as_str().expect("a message").to_owned()
}

/// Sends bytes as they are and reads all that comes until the edge closes (so ask it to).
pub async fn raw(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
