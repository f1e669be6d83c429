//! Create: claimed from a warm pool when one has what is asked for, else made anew.
//!
//! Quota, name, placement, head and specification are one transaction. The work is sent after it; if that is lost, it
//! is due five seconds later.

use std::{collections::BTreeMap, time::Duration};

use paddock_model::{
    access::Actor,
    change::Effect,
    id::{OrganizationId, SandboxId},
    lifecycle::{Desired, State},
    quota::Charge,
    sandbox::{Detail, Files, Resources, Sandbox, Spec, Timers},
    snapshot::{Snapshot, SnapshotState},
    time::Timestamp,
};

use super::{
    Error, Requester, check_size, claim,
    drive::{Changed, follow_up, refusal, settle},
    find_organization, find_snapshot, set_timers,
    wait_started::wait_started,
};
use crate::{app::App, store::sandboxes::Written};

/// The snapshot that is meant when none is named.
pub const DEFAULT_SNAPSHOT: &str = "paddock-default";

/// The user inside. There is no other yet: validation refuses a request that names one.
pub const DEFAULT_USER: &str = "daytona";

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Unique in the organization; none = the id.
    pub name: Option<String>,
    /// Id or name; none = the default one.
    pub snapshot: Option<String>,
    /// Region id; none = the organization's.
    pub region: Option<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Previews need no token.
    pub public: bool,
    /// The wishes that time makes.
    pub timers: Timers,
    /// Until it is deleted, whatever it is doing; none = for ever.
    pub life: Option<Duration>,
}

/// What is wanted, checked, with the snapshot it comes from.
pub(super) struct Order {
    pub(super) organization: OrganizationId,
    pub(super) name: Option<String>,
    pub(super) region: String,
    pub(super) timers: Timers,
    pub(super) snapshot: Snapshot,
    pub(super) spec: Spec,
}

/// Makes a sandbox for the requester's organization.
pub async fn run(app: &App, requester: &Requester, request: Request) -> Result<Detail, Error> {
    let order = check(app, requester, request).await?;
    let actor = Actor::User(requester.user.clone());
    if let Some(detail) = claim::from_pool(app, &order, &actor).await? {
        return Ok(detail);
    }
    let mut new = fresh(app.now(), order.region, &order.snapshot, order.timers);
    new.organization = Some(order.organization);
    new.name = order.name.unwrap_or(new.name);
    new.charge_new();
    let head = write(app, new, &order.spec, &actor).await?;
    wait_started(app, Detail { head, spec: order.spec }).await
}

/// Writes and sends a new sandbox.
pub(super) async fn write(app: &App, new: Sandbox, spec: &Spec, actor: &Actor) -> Result<Sandbox, Error> {
    let settled = settle(app, &new, Some(&spec.image), None).await?;
    write_settled(app, settled, spec, actor).await
}

/// The same, with all that follows from it known already.
pub(super) async fn write_settled(
    app: &App,
    (new, effect): (Sandbox, Effect),
    spec: &Spec,
    actor: &Actor,
) -> Result<Sandbox, Error> {
    match app.store.create(&new, spec, actor).await? {
        Written::Done(stored) => {
            let changed = Changed { old: new.clone(), new: stored, effect };
            follow_up(app, &changed, Some(spec)).await;
            Ok(new)
        }
        other => Err(refusal(other, &new)),
    }
}

/// The head of a new sandbox, of nobody yet.
pub(super) fn fresh(now: Timestamp, region: String, snapshot: &Snapshot, timers: Timers) -> Sandbox {
    let files = Files { base: snapshot.base(), ..Files::default() };
    begun_with(files, now, region, snapshot.resources, timers)
}

/// The same, with these files to begin with.
pub(super) fn begun_with(
    files: Files,
    now: Timestamp,
    region: String,
    resources: Resources,
    timers: Timers,
) -> Sandbox {
    let id = SandboxId::random();
    Sandbox {
        id,
        organization: None,
        pool: None,
        name: id.to_string(),
        region,
        state: State::Creating,
        desired: Desired::Started,
        generation: 1,
        epoch: 0,
        runner: None,
        seen_generation: 0,
        seen_seq: 0,
        has_container: false,
        attempt: 0,
        wished_at: now,
        placed_at: now,
        due: None,
        force: false,
        failure: None,
        daemon_version: None,
        resources,
        charge: Charge::default(),
        resized_from: None,
        files,
        queue_timed_out: false,
        timers,
        last_activity: now,
        created_at: now,
        updated_at: now,
    }
}

/// What a sandbox of this snapshot is made of.
pub(super) fn spec_of(snapshot: &Snapshot) -> Spec {
    Spec {
        snapshot: snapshot.id,
        snapshot_name: snapshot.name.clone(),
        image: snapshot.image.clone(),
        user: DEFAULT_USER.to_owned(),
        env: BTreeMap::new(),
        labels: BTreeMap::new(),
        public: false,
    }
}

async fn check(app: &App, requester: &Requester, request: Request) -> Result<Order, Error> {
    let Request { name, snapshot, region, env, labels, public, mut timers, life } = request;
    timers.destroy_at = life.map(|life| app.now().after(life));
    set_timers::check(&timers)?;
    let organization = find_organization::run(app, requester.organization).await?;
    if organization.suspended {
        return Err(Error::OrganizationSuspended);
    }
    let region = region.unwrap_or(organization.default_region);
    if region != app.config.region {
        return Err(Error::RegionNotFound(region));
    }
    let wanted = snapshot.as_deref().unwrap_or(DEFAULT_SNAPSHOT);
    let snapshot = find_snapshot::run(app, organization.id, wanted).await?;
    if snapshot.state != SnapshotState::Active {
        return Err(Error::Invalid(format!("snapshot {wanted} is not active")));
    }
    let spec = Spec { env, labels, public, ..spec_of(&snapshot) };
    check_size(&spec)?;
    Ok(Order { organization: organization.id, name, region, timers, snapshot, spec })
}
