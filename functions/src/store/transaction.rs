//! Several items or none.
//!
//! The `op` is also the client request token, so that a transaction whose answer was lost is not applied twice.

use std::borrow::Cow;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};
use paddock_model::id::OpId;

use super::{
    Error, Store,
    attempt::{TRIES, patiently, pause},
    item::{Item, is_ours},
    keys::Key,
};

/// A transaction under construction; `P` names its parts, so that a refusal can be understood.
pub(super) struct Transaction<'a, P> {
    store: &'a Store,
    op: OpId,
    parts: Vec<P>,
    items: Vec<TransactWriteItem>,
}

/// What became of it.
pub(super) enum Committed<P> {
    /// All written, now or by an earlier try.
    Done,
    /// Nothing written: these conditions did not hold, each with the item as it is.
    Refused(Vec<(P, Option<Item>)>),
}

/// A condition, or an update with its condition.
#[derive(Default)]
pub(super) struct Expression {
    pub(super) update: Option<Cow<'static, str>>,
    pub(super) condition: Option<String>,
    pub(super) names: Vec<(&'static str, &'static str)>,
    pub(super) values: Item,
}

impl<'a, P: Copy> Transaction<'a, P> {
    pub(super) fn new(store: &'a Store, op: OpId) -> Self {
        Self { store, op, parts: Vec::new(), items: Vec::new() }
    }

    pub(super) fn put(&mut self, part: P, item: Item, when: Expression) -> Result<(), Error> {
        let put = Put::builder()
            .table_name(&self.store.table)
            .set_item(Some(item))
            .set_condition_expression(when.condition)
            .set_expression_attribute_names(names(&when.names))
            .set_expression_attribute_values((!when.values.is_empty()).then_some(when.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|problem| Error::Table(Box::new(problem)))?;
        self.push(part, TransactWriteItem::builder().put(put).build());
        Ok(())
    }

    pub(super) fn update(&mut self, part: P, key: &Key, how: Expression) -> Result<(), Error> {
        let update = Update::builder()
            .table_name(&self.store.table)
            .set_key(Some(key.item()))
            .set_update_expression(how.update.map(Cow::into_owned))
            .set_condition_expression(how.condition)
            .set_expression_attribute_names(names(&how.names))
            .set_expression_attribute_values((!how.values.is_empty()).then_some(how.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|problem| Error::Table(Box::new(problem)))?;
        self.push(part, TransactWriteItem::builder().update(update).build());
        Ok(())
    }

    pub(super) fn delete(&mut self, part: P, key: &Key, when: Expression) -> Result<(), Error> {
        let delete = Delete::builder()
            .table_name(&self.store.table)
            .set_key(Some(key.item()))
            .set_condition_expression(when.condition)
            .set_expression_attribute_names(names(&when.names))
            .set_expression_attribute_values((!when.values.is_empty()).then_some(when.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|problem| Error::Table(Box::new(problem)))?;
        self.push(part, TransactWriteItem::builder().delete(delete).build());
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn push(&mut self, part: P, item: TransactWriteItem) {
        self.parts.push(part);
        self.items.push(item);
    }

    pub(super) async fn commit(self) -> Result<Committed<P>, Error> {
        let request = self
            .store
            .db
            .transact_write_items()
            .client_request_token(self.op.to_string())
            .set_transact_items(Some(self.items));
        let mut tried = 1;
        loop {
            let error = match patiently(|| request.clone().send()).await {
                Ok(_) => return Ok(Committed::Done),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
                return Err(error.into());
            };
            let reasons = canceled.cancellation_reasons();
            if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                return Ok(refusal(self.op, &self.parts, reasons));
            }
            let transient = |reason: &CancellationReason| {
                matches!(
                    reason.code(),
                    Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
                )
            };
            if !reasons.iter().any(transient) {
                return Err(error.into());
            }
            if tried >= TRIES {
                return Err(Error::Contended);
            }
            pause(tried).await;
            tried += 1;
        }
    }
}

fn refusal<P: Copy>(op: OpId, parts: &[P], reasons: &[CancellationReason]) -> Committed<P> {
    if reasons.iter().any(|reason| is_ours(reason.item(), op)) {
        return Committed::Done;
    }
    let refused = parts.iter().zip(reasons).filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
    Committed::Refused(refused.map(|(part, reason)| (*part, reason.item().cloned())).collect())
}

fn names(names: &[(&'static str, &'static str)]) -> Option<std::collections::HashMap<String, String>> {
    (!names.is_empty()).then(|| names.iter().map(|(alias, name)| ((*alias).to_owned(), (*name).to_owned())).collect())
}
