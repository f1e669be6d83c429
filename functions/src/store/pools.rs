//! Warm pools. A pool counts its places: a sandbox enters in the transaction that creates it and leaves in the one
//! that takes it out, so that no two top-ups can fill the same place.

use paddock_model::{
    id::{OpId, SnapshotId},
    snapshot::{Pool, Snapshot},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Error, Store,
    attempt::patiently,
    item::{Item, Outcome, key_of, number, read, text, write},
    keys::{self, LIST},
    transaction::Expression,
};
use crate::seal::sha256_hex;

#[derive(Serialize, Deserialize)]
struct PoolItem {
    op: Uuid,
    g1pk: String,
    g1sk: String,
    snapshot: Uuid,
    region: String,
    size: u32,
    live: i64,
}

/// The pool of a snapshot as it is now: another image makes another pool, so that no claim gets an old image.
pub fn id_of(snapshot: &Snapshot, region: &str) -> String {
    let image = sha256_hex(&format!("{} {:?}", snapshot.image, snapshot.resources));
    format!("{}.{region}.{}", snapshot.id, &image[..8])
}

pub(super) fn enter() -> Expression {
    Expression {
        update: Some("ADD live :one".into()),
        condition: Some("live < #size".to_owned()),
        names: vec![("#size", "size")],
        values: [(":one".to_owned(), number(1))].into(),
    }
}

pub(super) fn leave() -> Expression {
    Expression {
        update: Some("ADD live :less".into()),
        condition: Some("attribute_exists(pk)".to_owned()),
        values: [(":less".to_owned(), number(-1))].into(),
        ..Default::default()
    }
}

fn pool(item: Item) -> Result<Pool, Error> {
    let key = key_of(&item);
    let id = keys::pool_of(&key.pk).unwrap_or_default();
    let PoolItem { op: _, g1pk: _, g1sk: _, snapshot, region, size, live } = read(item)?;
    Ok(Pool { id, snapshot: SnapshotId(snapshot), region, size, live: u32::try_from(live).unwrap_or(0) })
}

impl Store {
    /// A pool.
    pub async fn pool(&self, id: &str) -> Result<Option<Pool>, Error> {
        self.get(&keys::pool(id)).await?.map(pool).transpose()
    }

    /// All pools.
    pub async fn pools(&self) -> Result<Vec<Pool>, Error> {
        let listed = self.index(LIST, &keys::pools(), None, None).await?;
        let keys: Vec<_> = listed.iter().map(key_of).collect();
        self.get_all(&keys).await?.into_iter().map(pool).collect()
    }

    /// Makes the pool, or changes how many are wanted in it.
    pub async fn set_pool_size(&self, id: &str, snapshot: SnapshotId, region: &str, size: u32) -> Result<(), Error> {
        let (op, key) = (OpId::random(), keys::pool(id));
        let (g1pk, g1sk) = (keys::pools(), id.to_owned());
        let fresh = PoolItem { op: op.0, g1pk, g1sk, snapshot: snapshot.0, region: region.to_owned(), size, live: 0 };
        let put = self.put_if(write(&key, &fresh)?, "attribute_not_exists(pk)", Item::new(), op).await?;
        if let Outcome::Done = put {
            return Ok(());
        }
        // Setting a size twice is setting it once: no condition is needed.
        let request = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .update_expression("SET #size = :size, op = :op")
            .expression_attribute_names("#size", "size")
            .expression_attribute_values(":size", number(size))
            .expression_attribute_values(":op", text(op));
        patiently(|| request.clone().send()).await?;
        Ok(())
    }
}
