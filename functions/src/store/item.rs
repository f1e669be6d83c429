//! Items and their typed forms, and the few calls that every kind of item makes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use paddock_model::id::OpId;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Error, Store,
    attempt::patiently,
    keys::{Index, Key},
};

/// An item as DynamoDB knows it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Most keys of one BatchGetItem.
const BATCH: usize = 100;

/// Batches read at once.
const BATCHES_AT_ONCE: usize = 4;

/// What became of a conditional write.
pub(super) enum Outcome {
    /// Written, now or by an earlier try of the same `op`.
    Done,
    /// The condition did not hold; the item as it is, if there is one.
    Refused(Option<Item>),
}

pub(super) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The item of a typed form, with its key.
pub(super) fn write<T: Serialize>(key: &Key, value: &T) -> Result<Item, Error> {
    let mut item: Item =
        serde_dynamo::aws_sdk_dynamodb_1::to_item(value).map_err(|problem| corrupt(key.to_string(), problem))?;
    item.insert("pk".to_owned(), text(&key.pk));
    item.insert("sk".to_owned(), text(&key.sk));
    Ok(item)
}

/// The typed form of an item.
pub(super) fn read<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    let key = key_of(&item);
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(|problem| corrupt(key.to_string(), problem))
}

pub(super) fn corrupt(key: String, problem: impl ToString) -> Error {
    Error::Corrupt { key, problem: problem.to_string() }
}

pub(super) fn key_of(item: &Item) -> Key {
    let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    Key { pk: part("pk"), sk: part("sk") }
}

/// The item was written by this very `op`.
pub(super) fn is_ours(item: Option<&Item>, op: OpId) -> bool {
    let seen = item.and_then(|item| item.get("op")).and_then(|value| value.as_s().ok());
    seen.is_some_and(|seen| *seen == op.to_string())
}

impl Store {
    /// Strongly consistent.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, Error> {
        let request = self.db.get_item().table_name(&self.table).set_key(Some(key.item())).consistent_read(true);
        Ok(patiently(|| request.clone().send()).await?.item)
    }

    /// Strongly consistent; in no order; what is not there is left out.
    pub(super) async fn get_all(&self, keys: &[Key]) -> Result<Vec<Item>, Error> {
        // An index that changes while it is read may name an item twice, which a batch must not.
        let keys: Vec<&Key> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let batches = keys.chunks(BATCH).map(|batch| batch.iter().map(|key| key.item()).collect::<Vec<Item>>());
        // Boxed: futures within futures get too deep for the compiler.
        let reads: Vec<_> = batches.map(|wanted| self.get_batch(wanted).boxed()).collect();
        stream::iter(reads).buffer_unordered(BATCHES_AT_ONCE).try_concat().await
    }

    async fn get_batch(&self, mut wanted: Vec<Item>) -> Result<Vec<Item>, Error> {
        let mut found = Vec::with_capacity(wanted.len());
        let mut tried = 0;
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(wanted));
            let keys = keys.build().map_err(|problem| Error::Table(Box::new(problem)))?;
            let request = self.db.batch_get_item().request_items(&self.table, keys);
            let mut answer = patiently(|| request.clone().send()).await?;
            found.extend(answer.responses.as_mut().and_then(|tables| tables.remove(&self.table)).unwrap_or_default());
            let left = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.table));
            wanted = left.map(|left| left.keys).unwrap_or_default();
            if !wanted.is_empty() {
                tried += 1;
                if tried >= super::attempt::TRIES {
                    return Err(Error::Contended);
                }
                super::attempt::pause(tried).await;
            }
        }
        Ok(found)
    }

    /// Writes one item under a condition. `values` are the condition's.
    pub(super) async fn put_if(&self, item: Item, condition: &str, values: Item, op: OpId) -> Result<Outcome, Error> {
        let request = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match patiently(|| request.clone().send()).await {
            Ok(_) => Ok(Outcome::Done),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refusal)) => {
                    let old = refusal.item().cloned();
                    Ok(if is_ours(old.as_ref(), op) { Outcome::Done } else { Outcome::Refused(old) })
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Writes one item whatever was there.
    pub(super) async fn put(&self, item: Item) -> Result<(), Error> {
        let request = self.db.put_item().table_name(&self.table).set_item(Some(item));
        patiently(|| request.clone().send()).await?;
        Ok(())
    }

    /// Sets the attributes that `item` has and leaves the others that are there; makes the item if there is none.
    pub(super) async fn merge(&self, item: Item) -> Result<(), Error> {
        let mut request = self.db.update_item().table_name(&self.table).set_key(Some(key_of(&item).item()));
        let attributes: BTreeMap<_, _> = item.into_iter().filter(|(name, _)| name != "pk" && name != "sk").collect();
        let mut sets = Vec::with_capacity(attributes.len());
        for (at, (name, value)) in attributes.into_iter().enumerate() {
            sets.push(format!("#a{at} = :a{at}"));
            request = request.expression_attribute_names(format!("#a{at}"), name);
            request = request.expression_attribute_values(format!(":a{at}"), value);
        }
        let request = request.update_expression(format!("SET {}", sets.join(", ")));
        patiently(|| request.clone().send()).await?;
        Ok(())
    }

    /// All items of a partition whose sort key begins with `prefix`, oldest first.
    pub(super) async fn partition(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, Error> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let request = self
                .db
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":prefix", text(prefix))
                .set_exclusive_start_key(from);
            let answer = patiently(|| request.clone().send()).await?;
            found.extend(answer.items.unwrap_or_default());
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    /// Keys of an index partition, ascending, up to sort key `to` (inclusive) and `limit`.
    pub(super) async fn index(
        &self,
        index: Index,
        partition: &str,
        to: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Vec<Item>, Error> {
        let Index { name, pk, sk } = index;
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let mut request = self
                .db
                .query()
                .table_name(&self.table)
                .index_name(name)
                .expression_attribute_names("#pk", pk)
                .expression_attribute_values(":pk", text(partition))
                .set_exclusive_start_key(from)
                .set_limit(limit.and_then(|limit| i32::try_from(limit - found.len()).ok()));
            request = match to {
                None => request.key_condition_expression("#pk = :pk"),
                Some(to) => request
                    .key_condition_expression("#pk = :pk AND #sk <= :to")
                    .expression_attribute_names("#sk", sk)
                    .expression_attribute_values(":to", text(to)),
            };
            let answer = patiently(|| request.clone().send()).await?;
            found.extend(answer.items.unwrap_or_default());
            from = answer.last_evaluated_key;
            if from.is_none() || limit.is_some_and(|limit| found.len() >= limit) {
                return Ok(found);
            }
        }
    }
}
