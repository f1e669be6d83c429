//! DynamoDB: `dynoxide`, called in this process, with what AWS adds: throttling, conflicts, lost answers, and indexes that
//! know of a write only later.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use dynoxide::{Database, storage_backend};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Answer;
use crate::{chance, clock};

/// How long an index may not know of a write; and on a bad day.
const LAG: Duration = Duration::from_millis(1500);
const LONGEST_LAG: Duration = Duration::from_secs(30);

/// Partition and sort key.
pub type Key = (String, String);

/// An item as it is now, and as it was.
#[derive(Default, Clone)]
pub struct Record {
    pub now: Option<Value>,
    /// Until when it was what; oldest first.
    past: Vec<(Instant, Option<Value>)>,
}

impl Record {
    /// As it was so long ago; none: as it is now.
    fn before(&self, lag: Duration) -> Option<&Option<Value>> {
        self.past.iter().find(|(until, _)| until.elapsed() < lag).map(|(_, was)| was)
    }
}

/// All items that ever were.
pub type Records = BTreeMap<Key, Record>;

/// One item that a write has changed.
pub struct Change {
    pub key: Key,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

type Watch = Box<dyn Fn(&Records, &[Change]) + Send + Sync>;

pub struct Table {
    db: Database,
    records: Mutex<Records>,
    watch: OnceLock<Watch>,
}

struct WorldClock;

impl storage_backend::Clock for WorldClock {
    fn now_unix_secs(&self) -> u64 {
        clock::seconds()
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
    fn now_unix_secs_f64(&self) -> f64 {
        clock::seconds() as f64
    }
}

impl Default for Table {
    fn default() -> Self {
        let db = Database::memory_with_clock(std::sync::Arc::new(WorldClock)).expect("SQLite opens in memory");
        let table = Self { db, records: Mutex::default(), watch: OnceLock::new() };
        let index = |n: u32| {
            json!({
                "IndexName": format!("gsi{n}"),
                "KeySchema": [{"AttributeName": format!("g{n}pk"), "KeyType": "HASH"},
                              {"AttributeName": format!("g{n}sk"), "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            })
        };
        let names = ["pk", "sk", "g1pk", "g1sk", "g2pk", "g2sk", "g3pk", "g3sk"];
        let schema = json!({
            "TableName": super::super::cloud::TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": names.map(|name| json!({"AttributeName": name, "AttributeType": "S"})),
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "GlobalSecondaryIndexes": [index(1), index(2), index(3)],
        });
        let (status, body) = table.execute("CreateTable", schema.to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
        table
    }
}

impl Table {
    /// `watch` sees each write at once, with all items as they are then.
    pub fn watch(&self, watch: Watch) {
        assert!(self.watch.set(watch).is_ok(), "one watch for each world");
    }

    pub fn call(&self, operation: &str, body: &[u8]) -> Answer {
        let writes =
            matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems");
        if writes && chance::mishap(8) {
            return Some(refusal("ProvisionedThroughputExceededException"));
        }
        if writes && operation != "TransactWriteItems" && chance::mishap(8) {
            return Some(refusal("TransactionConflictException"));
        }
        let (status, answer) = self.execute(operation, body);
        if writes && status == 200 {
            self.note(&written_keys(body));
            if chance::mishap(8) {
                return if chance::permille(500) { None } else { Some(refusal("InternalServerError")) };
            }
        }
        let answer = if operation == "Query" && status == 200 { self.late(body, answer) } else { answer };
        Some((status, answer))
    }

    /// What is past its time goes, as DynamoDB does it some time.
    pub fn expire(&self) {
        self.db.sweep_ttl().expect("the engine sweeps");
        let keys: Vec<Key> =
            self.records().iter().filter(|(_, it)| it.now.is_some()).map(|(key, _)| key.clone()).collect();
        self.note(&keys);
    }

    pub fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, keys: &[Key]) {
        let mut records = self.records();
        let mut changes = Vec::new();
        for key in keys {
            let new = self.read(key);
            let record = records.entry(key.clone()).or_default();
            if record.now == new {
                continue;
            }
            let old = std::mem::replace(&mut record.now, new.clone());
            record.past.retain(|(until, _)| until.elapsed() < LONGEST_LAG);
            record.past.push((Instant::now(), old.clone()));
            changes.push(Change { key: key.clone(), old, new });
        }
        if let Some(watch) = self.watch.get().filter(|_| !changes.is_empty()) {
            watch(&records, &changes);
        }
    }

    fn read(&self, (pk, sk): &Key) -> Option<Value> {
        let request = json!({
            "TableName": super::super::cloud::TABLE, "ConsistentRead": true, "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
        });
        let (_, answer) = self.execute("GetItem", request.to_string().as_bytes());
        serde_json::from_str::<Value>(&answer).ok()?.get("Item").cloned()
    }

    /// An index may show what was written a moment ago as it was before, or not at all.
    fn late(&self, body: &[u8], answer: String) -> String {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let (Some(index), Ok(mut answer)) = (request["IndexName"].as_str(), serde_json::from_str::<Value>(&answer))
        else {
            return answer;
        };
        if !chance::mishap(500) {
            return answer.to_string();
        }
        let most = if chance::permille(150) { LONGEST_LAG } else { LAG };
        let (lag, partition) = (chance::span(most), index.replace("gsi", "g") + "pk");
        let records = self.records();
        if let Some(items) = answer["Items"].as_array_mut() {
            items.retain_mut(|item| {
                let Some(was) = records.get(&key_of(item)).and_then(|record| record.before(lag)) else { return true };
                let Some(was) = was.as_ref().filter(|was| was[&partition] == item[&partition]) else { return false };
                for (name, value) in item.as_object_mut().into_iter().flatten() {
                    *value = was[name].clone();
                }
                true
            });
            let count = items.len();
            answer["Count"] = json!(count);
            answer["ScannedCount"] = json!(count);
        }
        answer.to_string()
    }

    fn execute(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let db = &self.db;
        match operation {
            "PutItem" => run(body, |request| db.put_item(request)),
            "GetItem" => run(body, |request| db.get_item(request)),
            "UpdateItem" => run(body, |request| db.update_item(request)),
            "DeleteItem" => run(body, |request| db.delete_item(request)),
            "Query" => run(body, |request| db.query(request)),
            "Scan" => run(body, |request| db.scan(request)),
            "BatchGetItem" => run(body, |request| db.batch_get_item(request)),
            "BatchWriteItem" => run(body, |request| db.batch_write_item(request)),
            "TransactWriteItems" => run(body, |request| db.transact_write_items(request)),
            "TransactGetItems" => run(body, |request| db.transact_get_items(request)),
            "CreateTable" => run(body, |request| db.create_table(request)),
            other => (400, json!({"__type": "UnknownOperationException", "message": other}).to_string()),
        }
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(body: &[u8], call: impl FnOnce(Q) -> dynoxide::Result<A>) -> (u16, String) {
    let request = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => {
            return (400, json!({"__type": "SerializationException", "message": error.to_string()}).to_string());
        }
    };
    match call(request) {
        Ok(answer) => (200, serde_json::to_string(&answer).expect("an answer is JSON")),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

fn refusal(kind: &str) -> (u16, String) {
    let status = if kind == "InternalServerError" { 500 } else { 400 };
    (status, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": "simulated"}).to_string())
}

fn key_of(item: &Value) -> Key {
    let part = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    (part("pk"), part("sk"))
}

/// Of all items that a request writes.
fn written_keys(body: &[u8]) -> Vec<Key> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let one = |part: &Value| match (part.get("Item"), part.get("Key")) {
        (Some(item), _) => Some(key_of(item)),
        (None, Some(key)) => Some(key_of(key)),
        (None, None) => None,
    };
    let several = request["TransactItems"].as_array().into_iter().flatten();
    let several = several.filter_map(|action| action.as_object()?.values().next());
    let tables = request["RequestItems"].as_object().into_iter().flatten();
    let batch = tables.filter_map(|(_, list)| list.as_array()).flatten();
    let batch = batch.filter_map(|action| action.as_object()?.values().next());
    std::iter::once(&request).chain(several).chain(batch).filter_map(one).collect()
}
