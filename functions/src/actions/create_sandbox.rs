//! Create: claimed from a warm pool when one has what is asked for, else made anew.
//!
//! Quota, name, placement, head and specification are one transaction. The work is sent after it; if that is lost, it
//! is due five seconds later.

use std::collections::BTreeMap;

use paddock_model::{
    access::Actor,
    id::{OrganizationId, SandboxId},
    lifecycle::{Desired, State},
    quota::Charge,
    sandbox::{Detail, Sandbox, Spec, Timers},
    snapshot::Snapshot,
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    Error, Requester, check_size, claim,
    drive::{Changed, follow_up, refusal, settle},
    find_organization, find_snapshot,
    wait_started::wait_started,
};
use crate::{app::App, store::sandboxes::Written};

/// The snapshot that is meant when none is named.
pub const DEFAULT_SNAPSHOT: &str = "paddock-default";

/// The user inside when none is named.
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
    /// User name inside.
    pub user: Option<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Previews need no token.
    pub public: bool,
    /// The wishes that time makes.
    pub timers: Timers,
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
    let (new, effect) = settle(app, &new, Some(&spec.image), None).await?;
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
        due: None,
        force: false,
        failure: None,
        daemon_version: None,
        resources: snapshot.resources,
        charge: Charge::default(),
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
    let Request { name, snapshot, region, user, env, labels, public, timers } = request;
    let organization = find_organization::run(app, requester.organization).await?;
    if organization.suspended {
        return Err(Error::OrganizationSuspended);
    }
    let region = region.unwrap_or(organization.default_region);
    if region != app.config.region {
        return Err(Error::RegionNotFound(region));
    }
    if let Some(name) = &name {
        check_name(name)?;
    }
    let wanted = snapshot.as_deref().unwrap_or(DEFAULT_SNAPSHOT);
    let snapshot = find_snapshot::run(app, organization.id, wanted).await?;
    let user = user.unwrap_or_else(|| DEFAULT_USER.to_owned());
    let spec = Spec { user, env, labels, public, ..spec_of(&snapshot) };
    check_size(&spec)?;
    Ok(Order { organization: organization.id, name, region, timers, snapshot, spec })
}

/// A name of the shape of an id could be mistaken for one, and an empty one for none.
fn check_name(name: &str) -> Result<(), Error> {
    let invalid = |problem: &str| Err(Error::Invalid(format!("name {problem}")));
    if name.trim().is_empty() || name.len() > super::MAX_NAME_BYTES {
        return invalid("must have 1 to 255 bytes");
    }
    if Uuid::try_parse(name).is_ok() {
        return invalid("must not have the shape of an id");
    }
    if name.chars().any(char::is_control) {
        return invalid("must not contain control characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_ids_are_refused() {
        let id = Uuid::new_v4();
        for name in ["", "  ", "a\0b", &id.to_string(), &id.simple().to_string(), &"n".repeat(256)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("my sandbox").is_ok());
    }
}
