//! Agents: what they registered as, and their last sign of life. A heartbeat touches only the load, which no index has.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use paddock_model::{
    id::{OpId, RunnerId},
    placement::Room,
    runner::{Load, Mark, Role, Runner},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store,
    attempt::patiently,
    item::{Item, corrupt, key_of, number, read, text, write},
    keys::{self, LIST},
};

#[derive(Serialize, Deserialize)]
struct RunnerItem {
    op: Uuid,
    g1pk: String,
    g1sk: String,
    name: String,
    region: String,
    role: String,
    version: String,
    relay_url: String,
    ticket_key: String,
    /// cpu, memory, disk, sandboxes.
    capacity: [u32; 4],
    capabilities: Vec<String>,
    queue_url: String,
    token_sha256: String,
    #[serde(default)]
    dead: bool,
    /// Operators' words, which a registration must not write: they may change while it is under way.
    #[serde(default, skip_serializing)]
    unschedulable: bool,
    #[serde(default, skip_serializing)]
    draining: bool,
    created: i64,
    updated: i64,
}

#[derive(Serialize, Deserialize)]
struct LoadItem {
    allocated: [u32; 4],
    images: Vec<String>,
    heartbeat: i64,
}

const ROLES: [(Role, &str); 3] = [(Role::Edge, "edge"), (Role::Runner, "runner"), (Role::Both, "both")];

fn room([cpu, memory_gib, disk_gib, sandboxes]: [u32; 4]) -> Room {
    Room { cpu, memory_gib, disk_gib, sandboxes }
}

fn sizes(Room { cpu, memory_gib, disk_gib, sandboxes }: Room) -> [u32; 4] {
    [cpu, memory_gib, disk_gib, sandboxes]
}

fn id(item: &Item) -> Result<RunnerId, Error> {
    let key = key_of(item);
    keys::runner_of(&key.pk).ok_or_else(|| corrupt(key.to_string(), "its key names no runner"))
}

fn runner(item: Item) -> Result<Runner, Error> {
    let (id, key) = (id(&item)?, key_of(&item));
    let RunnerItem {
        op: _,
        g1pk: _,
        g1sk: _,
        name,
        region,
        role,
        version,
        relay_url,
        ticket_key,
        capacity,
        capabilities,
        queue_url,
        token_sha256,
        dead,
        unschedulable,
        draining,
        created,
        updated,
    } = read(item)?;
    let role = ROLES.into_iter().find(|(_, word)| *word == role).map(|(role, _)| role);
    Ok(Runner {
        id,
        name,
        region,
        role: role.ok_or_else(|| corrupt(key.to_string(), "unknown role"))?,
        version,
        relay_url,
        ticket_key,
        capacity: room(capacity),
        capabilities,
        queue_url,
        token_sha256,
        dead,
        unschedulable,
        draining,
        created_at: Timestamp(created),
        updated_at: Timestamp(updated),
    })
}

fn load(item: Item) -> Result<Load, Error> {
    let id = id(&item)?;
    let LoadItem { allocated, images, heartbeat } = read(item)?;
    Ok(Load { id, allocated: room(allocated), images, heartbeat_at: Timestamp(heartbeat) })
}

impl Store {
    /// An agent.
    pub async fn runner(&self, id: RunnerId) -> Result<Option<Runner>, Error> {
        self.get(&keys::runner(id)).await?.map(runner).transpose()
    }

    /// All agents of a region, dead ones too.
    pub async fn runners_in(&self, region: &str) -> Result<Vec<Runner>, Error> {
        let listed = self.index(LIST, &keys::runners_in(region), None, None).await?;
        let keys: Vec<_> = listed.iter().map(key_of).collect();
        self.get_all(&keys).await?.into_iter().map(runner).collect()
    }

    /// Their last signs of life; who never gave one is left out.
    pub async fn loads(&self, ids: &[RunnerId]) -> Result<Vec<Load>, Error> {
        let keys: Vec<_> = ids.iter().map(|id| keys::load(*id)).collect();
        self.get_all(&keys).await?.into_iter().map(load).collect()
    }

    /// Writes an agent as it registered; the last word counts. What operators want of it is theirs, and stays as it is.
    pub async fn put_runner(&self, runner: &Runner) -> Result<(), Error> {
        let Runner {
            id,
            name,
            region,
            role,
            version,
            relay_url,
            ticket_key,
            capacity,
            capabilities,
            queue_url,
            token_sha256,
            dead,
            unschedulable,
            draining,
            created_at,
            updated_at,
        } = runner.clone();
        let role = ROLES.into_iter().find(|(it, _)| *it == role).map_or("", |(_, word)| word);
        let item = RunnerItem {
            op: OpId::random().0,
            g1pk: keys::runners_in(&region),
            g1sk: keys::listed(created_at, id),
            name,
            region,
            role: role.to_owned(),
            version,
            relay_url,
            ticket_key,
            capacity: sizes(capacity),
            capabilities,
            queue_url,
            token_sha256,
            dead,
            unschedulable,
            draining,
            created: created_at.0,
            updated: updated_at.0,
        };
        self.merge(write(&keys::runner(id), &item)?).await
    }

    /// Writes an operator's word, and nothing else: an agent may register at the same moment. Answers the agent as it is
    /// then; none if there is none.
    pub async fn mark_runner(&self, id: RunnerId, mark: Mark, now: Timestamp) -> Result<Option<Runner>, Error> {
        let (name, value) = match mark {
            Mark::Unschedulable(on) => ("unschedulable", on),
            Mark::Draining(on) => ("draining", on),
            Mark::Dead => ("dead", true),
        };
        let request = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::runner(id).item()))
            .update_expression("SET #mark = :value, op = :op, updated = :now")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#mark", name)
            .expression_attribute_values(":value", AttributeValue::Bool(value))
            .expression_attribute_values(":op", text(OpId::random()))
            .expression_attribute_values(":now", number(now.0))
            .return_values(ReturnValue::AllNew);
        match patiently(|| request.clone().send()).await {
            Ok(done) => done.attributes.map(runner).transpose(),
            Err(error) if error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Nothing is known of it any more. Its own item goes last, so that what was begun can be begun again.
    pub async fn delete_runner(&self, id: RunnerId) -> Result<(), Error> {
        for key in [keys::load(id), keys::runner(id)] {
            let request = self.db.delete_item().table_name(&self.table).set_key(Some(key.item()));
            patiently(|| request.clone().send()).await?;
        }
        Ok(())
    }

    /// Writes a sign of life.
    pub async fn put_load(&self, load: &Load) -> Result<(), Error> {
        let Load { id, allocated, images, heartbeat_at } = load.clone();
        let item = LoadItem { allocated: sizes(allocated), images, heartbeat: heartbeat_at.0 };
        self.put(write(&keys::load(id), &item)?).await
    }
}
