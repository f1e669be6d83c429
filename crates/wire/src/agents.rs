//! Runner and edge ↔ the `agents` function, under `{api origin}/agents`.
//!
//! | method, path | body → answer |
//! |---|---|
//! | POST /agents/register | [`Register`] → [`Registered`]; `Authorization: Bearer <join token>`; 403 without the [`RegisterProof`] that a known id needs |
//! | POST /agents/heartbeat | [`Heartbeat`] → [`HeartbeatAnswer`] |
//! | POST /agents/inventory | [`Inventory`] → [`InventoryAnswer`] |
//! | POST /agents/reports | [`Reports`] → [`ReportsAnswer`] |
//! | GET /agents/work/{sandbox_id} | → [`crate::work::Work`]; 404 when this runner does not own it |
//! | POST /agents/captures/{id}/begin | [`CaptureBegin`] → [`CaptureUpload`]; 404 when this runner has no such capture to make |
//! | POST /agents/captures/{id}/parts | [`CaptureParts`] → [`CapturePartUrls`] |
//! | POST /agents/captures/{id}/complete | [`CaptureComplete`] → 204; again after it was done: 204 |
//! | POST /agents/authorize | [`Authorize`] → [`Grant`]; 401, 403, 404 with the public error body |
//! | GET /agents/revocations?since={cursor} | → [`Revocations`] |
//!
//! All but `register` carry `Authorization: Bearer <agent token>`. A 401 about that token carries the header
//! [`AGENT_TOKEN_REFUSED`], so that `authorize` can answer 401 about the caller without making the agent register again.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::work::{Report, Work};

/// Header (any value) on a 401 that is about the agent's own token.
pub const AGENT_TOKEN_REFUSED: &str = "x-paddock-agent-token-refused";

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers clients; holds no sandboxes.
    Edge,
    /// Holds sandboxes; answers edges only.
    Runner,
    /// Both, as on a laptop.
    Both,
}

/// First words of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// Its id from an earlier life, if any; a runner keeps its id over restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_id: Option<Uuid>,
    /// Human name, unique per deployment by convention only.
    pub name: String,
    /// Region id.
    pub region: String,
    /// What it does.
    pub role: Role,
    /// Software version.
    pub version: String,
    /// Where other edges reach its relay door: `http://host:port`.
    pub relay_url: String,
    /// Ed25519 public key that its tickets are signed with: raw 32 bytes, base64.
    pub ticket_key: String,
    /// What it can hold; zero for a mere edge.
    pub capacity: Capacity,
    /// Host abilities found by probing, such as `disk_quota`, `userns`, `cgroup_v2`.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Image references present.
    #[serde(default)]
    pub images: Vec<String>,
    /// Who comes under an id that is known shows that it is his: the join token opens the deployment to any agent, not
    /// to the place of another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<RegisterProof>,
}

/// Possession of the private key whose public half the id was last registered with as [`Register::ticket_key`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterProof {
    /// When it was signed, in seconds since 1970; good for five minutes around that.
    pub at: u64,
    /// Ed25519 signature over [`register_proof_text`]: raw 64 bytes, base64.
    pub signature: String,
}

/// What a [`RegisterProof`] signs. A ticket is a JWT, so that nothing signed for one is ever good for the other.
pub fn register_proof_text(runner_id: Uuid, at: u64) -> String {
    format!("paddock register {runner_id} {at}")
}

/// Room for sandboxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Whole CPUs; may be overcommitted by the operator's factor, already applied here.
    pub cpu: u32,
    /// GiB; never overcommitted.
    pub memory_gib: u32,
    /// GiB.
    pub disk_gib: u32,
    /// Most sandboxes at once (a Linux bridge takes at most 1,023 ports).
    pub sandboxes: u32,
}

/// Answer to [`Register`].
#[derive(Clone, Serialize, Deserialize)]
pub struct Registered {
    /// The id to keep.
    pub runner_id: Uuid,
    /// The deployment; containers are labelled with it.
    pub deployment: String,
    /// Bearer token for all further calls; replaces any earlier one.
    pub token: String,
    /// The queue to poll.
    pub queue_url: String,
    /// AES-256 key for [`crate::work::SealedEnv`], base64.
    pub env_key: String,
    /// Seconds between heartbeats.
    pub heartbeat_seconds: u64,
}

/// Sign of life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// What is taken of [`Capacity`], work in flight included.
    pub allocated: Capacity,
    /// SHA-256 hex over the [`inventory_lines`] of all sandboxes held.
    pub inventory_digest: String,
    /// Image references present.
    #[serde(default)]
    pub images: Vec<String>,
}

/// What [`Heartbeat::inventory_digest`] is made over: the sorted lines `sandbox_id epoch`, each ended by a line feed.
pub fn inventory_lines(held: impl IntoIterator<Item = (Uuid, u64)>) -> String {
    let mut lines: Vec<String> = held.into_iter().map(|(id, epoch)| format!("{id} {epoch}\n")).collect();
    lines.sort();
    lines.concat()
}

/// Answer to [`Heartbeat`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// Send an [`Inventory`] now.
    pub send_inventory: bool,
    /// Edges whose tickets are good.
    pub edges: Vec<EdgeKey>,
}

/// An edge and the key its tickets are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeKey {
    /// The edge's agent id (`kid` and `iss` of its tickets).
    pub id: Uuid,
    /// Ed25519 public key: raw 32 bytes, base64.
    pub ticket_key: String,
}

/// All that a runner holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// One entry per sandbox container of this deployment and runner.
    pub entries: Vec<InventoryEntry>,
}

/// A container found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryEntry {
    /// From its label.
    pub sandbox_id: Uuid,
    /// From its label.
    pub epoch: u64,
    /// It runs.
    pub running: bool,
    /// Newest wish of this epoch that is in force and was reported by the agent that lists it; none when it knows of
    /// none yet, as after its start, and from agents that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_generation: Option<u64>,
}

/// What to do with the containers found, and what was expected but not found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InventoryAnswer {
    /// At most one for each entry. An entry that none is about stays as it is: there is nothing new to say of it, or
    /// nothing certain. Silence ends nothing and starts nothing.
    pub decisions: Vec<Decision>,
    /// Sandboxes that this runner owns but did not list: serve this work.
    pub missing: Vec<Work>,
}

/// What to do with one container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// It is yours; serve this work.
    Keep {
        /// The current wish.
        work: Box<Work>,
    },
    /// Proven, by a consistent read, to be destroyed: remove it.
    Remove {
        /// Which sandbox.
        sandbox_id: Uuid,
        /// Which epoch of it.
        epoch: u64,
    },
    /// Unknown, or of a lost epoch: stop it and keep its files for 24 hours.
    StopAndKeep {
        /// Which sandbox.
        sandbox_id: Uuid,
        /// Which epoch of it.
        epoch: u64,
    },
}

/// Reports, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reports {
    /// At most 25.
    pub reports: Vec<Report>,
}

/// One verdict per report, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportsAnswer {
    /// In the order of the reports.
    pub verdicts: Vec<Verdict>,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Accepted now or earlier.
    Applied,
    /// Accepted, and there is a newer wish: serve it without waiting for the queue.
    AppliedWithWork {
        /// The newer wish.
        work: Box<Work>,
    },
    /// Older than what is known, or of another owner. Not to be sent again.
    Stale,
    /// Could not be written now; send it again.
    Retry,
}

/// A capture ([`crate::work::Work::capture`]) begins, or goes on after an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureBegin {
    /// Whose files.
    pub sandbox_id: Uuid,
    /// The placement that is captured.
    pub epoch: u64,
}

/// A multipart upload in S3. The same for every `begin` of the same capture until it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureUpload {
    /// S3's id of the multipart upload.
    pub upload_id: String,
    /// Bytes of every part but the last, which may be smaller.
    pub part_bytes: u64,
}

/// Presigned requests for parts are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureParts {
    /// From [`CaptureUpload`].
    pub upload_id: String,
    /// First part number, from 1.
    pub first: u32,
    /// How many, at most 100.
    pub count: u32,
}

/// Presigned `PUT`s, good for an hour, in the order of the parts. Secret: never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturePartUrls {
    /// One for each.
    pub urls: Vec<String>,
}

/// All parts are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureComplete {
    /// From [`CaptureUpload`].
    pub upload_id: String,
    /// `ETag` of every part, in order, as S3 answered it.
    pub etags: Vec<String>,
}

/// May this caller use this sandbox?
#[derive(Clone, Serialize, Deserialize)]
pub struct Authorize {
    /// Id (or name, for bearer callers) from the path.
    pub sandbox: String,
    /// What the caller showed.
    pub credential: Credential,
    /// `X-Daytona-Organization-ID`, for JWT callers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// What a caller showed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credential {
    /// `Authorization: Bearer` of the public API.
    Bearer {
        /// API key or JWT.
        token: String,
    },
}

/// Permission to use one sandbox, and where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Resolved id.
    pub sandbox_id: Uuid,
    /// Owner organization.
    pub organization_id: Uuid,
    /// SHA-256 hex of the credential: what a revocation names.
    pub credential_sha256: String,
    /// Placement at the time of asking.
    pub epoch: u64,
    /// Newest wish at the time of asking: doors open once the owner has applied it.
    pub generation: u64,
    /// The newest wish is to run.
    pub wants_started: bool,
    /// Public state name, for messages.
    pub state: String,
    /// Owner, if placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_id: Option<Uuid>,
    /// The owner's relay door, if placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_url: Option<String>,
    /// Seconds this may be cached, at most 300.
    pub ttl_seconds: u64,
}

/// The revocation feed. Edges poll every 2 s with overlap and deduplicate by `id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revocations {
    /// Newer than the cursor, oldest first.
    pub entries: Vec<Revocation>,
    /// Pass as `since` next time.
    pub cursor: String,
}

/// Something stopped being allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// ULID.
    pub id: String,
    /// What.
    pub what: Revoked,
}

/// What stopped being allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Revoked {
    /// A credential, everywhere.
    Credential {
        /// SHA-256 hex.
        sha256: String,
    },
    /// All grants of a sandbox: it was deleted, moved, or changed hands.
    Sandbox {
        /// Which.
        sandbox_id: Uuid,
    },
}

/// Claims of the ticket (JWT, EdDSA) that an edge sends to the owner's relay door in `X-Paddock-Ticket`.
/// Lifetime at most 60 s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketClaims {
    /// The edge's agent id.
    pub iss: Uuid,
    /// The owner's agent id.
    pub aud: Uuid,
    /// The sandbox.
    pub sub: Uuid,
    /// Organization of the grant.
    pub org: Uuid,
    /// Epoch of the grant.
    pub epoch: u64,
    /// Generation of the grant.
    pub generation: u64,
    /// Seconds since 1970.
    pub iat: u64,
    /// Seconds since 1970.
    pub exp: u64,
}
